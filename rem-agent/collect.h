/* collect.h -- what the kernel tells about this machine: /proc and statvfs(3).
 * The readers are pure functions of a file's text; collect_sample() reads the files and may block on a sick disk, so
 * it is called on a worker thread. Threads: each function any; one struct collect, one thread at a time. */
#ifndef ISOBAR_REM_COLLECT_H
#define ISOBAR_REM_COLLECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"

/* Counters since boot, in jiffies. */
struct cpu_counters { uint64_t busy, total; };

struct disk_counters {
	char name[64];
	uint64_t busy_ms;	/* time with at least one request under way */
};

struct tcp_counters { uint64_t segments_out, segments_resent; };

#define COLLECT_DISKS_MAX 128

struct disk_list {
	size_t count;
	struct disk_counters disks[COLLECT_DISKS_MAX];
};

/* Each is true when the text had what was looked for. */
bool collect_read_cpu(const char *proc_stat, struct cpu_counters *cpu) NONNULL;
bool collect_read_memory(const char *proc_meminfo, double *used_ratio) NONNULL;
bool collect_read_load(const char *proc_loadavg, double *load1) NONNULL;
bool collect_read_disks(const char *proc_diskstats, struct disk_list *list) NONNULL;	/* real disks only */
/* Octets received and sent by the interfaces of these names; none given: all but loopback. */
bool collect_read_network(const char *proc_net_dev, const char *const *names, size_t count, uint64_t *octets)
	__attribute__((nonnull(1, 4)));
bool collect_read_connections(const char *proc_net_sockstat, double *connections) NONNULL;
bool collect_read_tcp(const char *proc_net_snmp, struct tcp_counters *tcp) NONNULL;

/* Everything read at one moment; what couldn't be read has `..._known` false. */
struct host_state {
	struct mono at;
	bool cpu_known, memory_known, load_known, disks_known, network_known, connections_known, tcp_known;
	struct cpu_counters cpu;
	double memory, load1, connections;
	struct disk_list disks;
	uint64_t network_octets;
	struct tcp_counters tcp;
};

/* One value of a report; the name is static or lives in `collect`. */
struct host_value {
	const char *name, *unit;
	double value;
};

#define COLLECT_VALUES_MAX 64

struct collect;

/* `root` is "/proc" but in tests. The strings are borrowed for the life of the collector. */
struct collect *collect_new(const char *root, const char *const *paths, size_t path_count,
	const char *const *interfaces, size_t interface_count) __attribute__((nonnull(1))) MUST_USE;
void collect_free(struct collect *collect);

/* Rates are those since the last call; the first call has none. The number of values written. */
size_t collect_sample(struct collect *collect, struct mono now, struct host_value values[static COLLECT_VALUES_MAX])
	NONNULL;

/* The pure middle of it: two moments to values. */
size_t collect_values(const struct host_state *before, const struct host_state *now,
	struct host_value values[static COLLECT_VALUES_MAX]) __attribute__((nonnull(2, 3)));

#endif
