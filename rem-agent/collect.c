/* collect.c -- CPU, memory, disks, network, load and TCP of this machine.
 * In: the text of files in /proc, and statvfs(3) of the chosen paths. Out: named values, the same on every machine, so
 * that a model that was trained elsewhere understands them (isobar-models(7)):
 *   cpu        share of all processors' time that was neither idle nor waiting for a disk
 *   mem        1 - MemAvailable / MemTotal: what can't be had without swapping
 *   load1      the kernel's load average of one minute
 *   disk_io    share of the time that the busiest disk had requests under way
 *   disk       how full the fullest watched file system is, as df(1) counts it; "disk:PATH" for each if there are more
 *   net_bytes  octets per second, in and out
 *   conns      TCP connections in use
 *   retrans    share of the TCP segments sent that had been sent before
 * Threads: collect_sample() runs on a worker thread, one call at a time.
 * A counter that went back (a wrapped counter, a disk that came again under the same name) yields no value for that
 * interval: nothing is better than a huge number that a model would take for a flood. */
#include "collect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/text.h"

#define FILE_LIMIT ((size_t)1 << 20)

struct collect {
	const char *root;
	const char *const *paths;
	size_t path_count;
	const char *const *interfaces;
	size_t interface_count;
	char **path_names;		/* "disk:PATH" */
	bool sampled;
	struct host_state last;
};

static const char *next_line(const char *line);
static bool is_real_disk(const char *name);
static bool is_among(const char *name, const char *const *names, size_t count);
static void host_read(const struct collect *collect, struct host_state *host);
static char *proc_read(const struct collect *collect, const char *file);
static bool busiest_disk(const struct host_state *before, const struct host_state *now, double *ratio);
static size_t fill_values(const struct collect *collect, struct host_value *values, size_t room);
static bool fill_ratio(const char *path, double *ratio);

/* --- readers ------------------------------------------------------------------------------------------------- */

/* proc(5): cpu user nice system idle iowait irq softirq steal; guest time is part of user. */
bool
collect_read_cpu(const char *proc_stat, struct cpu_counters *cpu)
{
	uint64_t user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0;

	if (sscanf(proc_stat, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	    " %" SCNu64, &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) < 4)
		return false;
	cpu->busy = user + nice + system + irq + softirq + steal;
	cpu->total = cpu->busy + idle + iowait;
	return true;
}

bool
collect_read_memory(const char *proc_meminfo, double *used_ratio)
{
	uint64_t total = 0, available = 0;
	bool has_total = false, has_available = false;

	for (const char *line = proc_meminfo; line != NULL; line = next_line(line)) {
		has_total = sscanf(line, "MemTotal: %" SCNu64, &total) == 1 || has_total;
		has_available = sscanf(line, "MemAvailable: %" SCNu64, &available) == 1 || has_available;
	}
	if (!has_total || !has_available || total == 0 || available > total)
		return false;
	*used_ratio = 1 - (double)available / (double)total;
	return true;
}

bool
collect_read_load(const char *proc_loadavg, double *load1)
{
	return sscanf(proc_loadavg, "%lf", load1) == 1 && isfinite(*load1) && *load1 >= 0;
}

/* Linux, Documentation/admin-guide/iostats: behind the name, the 10th field is the time spent doing I/O. */
bool
collect_read_disks(const char *proc_diskstats, struct disk_list *list)
{
	list->count = 0;
	for (const char *line = proc_diskstats; line != NULL; line = next_line(line)) {
		struct disk_counters disk;

		if (sscanf(line, "%*u %*u %63s %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, disk.name,
		    &disk.busy_ms) == 2 && is_real_disk(disk.name) && list->count < COLLECT_DISKS_MAX)
			list->disks[list->count++] = disk;
	}
	return list->count > 0;
}

bool
collect_read_network(const char *proc_net_dev, const char *const *names, size_t count, uint64_t *octets)
{
	bool found = false;

	*octets = 0;
	for (const char *line = proc_net_dev; line != NULL; line = next_line(line)) {
		char name[64];
		uint64_t received, sent;

		if (sscanf(line, " %63[^: \t\n]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name, &received,
		    &sent) != 3)
			continue;
		if (count == 0 ? strcmp(name, "lo") != 0 : is_among(name, names, count)) {
			*octets += received + sent;
			found = true;
		}
	}
	return found;
}

bool
collect_read_connections(const char *proc_net_sockstat, double *connections)
{
	for (const char *line = proc_net_sockstat; line != NULL; line = next_line(line)) {
		if (sscanf(line, "TCP: inuse %lf", connections) == 1)
			return true;
	}
	return false;
}

/* Two lines begin with "Tcp:": names, then values. The columns are found by name, since kernels may add some. */
bool
collect_read_tcp(const char *proc_net_snmp, struct tcp_counters *tcp)
{
	const char *names = NULL, *values = NULL;
	bool has_out = false, has_resent = false;

	for (const char *line = proc_net_snmp; line != NULL; line = next_line(line)) {
		if (strncmp(line, "Tcp:", 4) == 0)
			*(names == NULL ? &names : &values) = line + 4;
	}
	while (names != NULL && values != NULL) {
		char name[64], value[32];
		int name_end, value_end;

		if (sscanf(names, "%*[ ]%63[^ \n]%n", name, &name_end) != 1 ||
		    sscanf(values, "%*[ ]%31[^ \n]%n", value, &value_end) != 1)
			break;
		if (strcmp(name, "OutSegs") == 0)
			has_out = sscanf(value, "%" SCNu64, &tcp->segments_out) == 1;
		if (strcmp(name, "RetransSegs") == 0)
			has_resent = sscanf(value, "%" SCNu64, &tcp->segments_resent) == 1;
		names += name_end;
		values += value_end;
	}
	return has_out && has_resent;
}

static const char *
next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL || end[1] == '\0' ? NULL : end + 1;
}

/* Partitions may stay, since a disk is never less busy than its parts; what lives in memory or in a file may not. */
static bool
is_real_disk(const char *name)
{
	return strncmp(name, "loop", 4) != 0 && strncmp(name, "ram", 3) != 0 && strncmp(name, "zram", 4) != 0 &&
	    strncmp(name, "sr", 2) != 0 && strncmp(name, "fd", 2) != 0;
}

static bool
is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* --- the collector ------------------------------------------------------------------------------------------- */

struct collect *
collect_new(const char *root, const char *const *paths, size_t path_count, const char *const *interfaces,
    size_t interface_count)
{
	struct collect *collect = calloc(1, sizeof(*collect));

	if (collect == NULL)
		return NULL;
	*collect = (struct collect){ .root = root, .paths = paths, .path_count = path_count, .interfaces = interfaces,
		.interface_count = interface_count };
	collect->path_names = calloc(path_count + 1, sizeof(*collect->path_names));
	if (collect->path_names == NULL)
		goto fail;
	for (size_t i = 0; i < path_count; i++) {
		if (asprintf(&collect->path_names[i], "disk:%s", paths[i]) < 0) {
			collect->path_names[i] = NULL;
			goto fail;
		}
	}
	return collect;
fail:
	collect_free(collect);
	return NULL;
}

void
collect_free(struct collect *collect)
{
	if (collect == NULL)
		return;
	for (size_t i = 0; collect->path_names != NULL && i < collect->path_count; i++)
		free(collect->path_names[i]);
	free(collect->path_names);
	free(collect);
}

size_t
collect_sample(struct collect *collect, struct mono now, struct host_value values[static COLLECT_VALUES_MAX])
{
	struct host_state host = { .at = now };
	size_t count;

	host_read(collect, &host);
	count = collect_values(collect->sampled ? &collect->last : NULL, &host, values);
	collect->last = host;
	collect->sampled = true;
	return count + fill_values(collect, values + count, COLLECT_VALUES_MAX - count);
}

size_t
collect_values(const struct host_state *before, const struct host_state *now,
    struct host_value values[static COLLECT_VALUES_MAX])
{
	int64_t elapsed_ms = before == NULL ? 0 : mono_ms_between(before->at, now->at);
	size_t count = 0;
	double ratio;

	if (now->memory_known)
		values[count++] = (struct host_value){ "mem", "ratio", now->memory };
	if (now->load_known)
		values[count++] = (struct host_value){ "load1", "", now->load1 };
	if (now->connections_known)
		values[count++] = (struct host_value){ "conns", "", now->connections };
	if (elapsed_ms <= 0)
		return count;
	if (before->cpu_known && now->cpu_known && now->cpu.total > before->cpu.total &&
	    now->cpu.busy >= before->cpu.busy && now->cpu.busy - before->cpu.busy <= now->cpu.total - before->cpu.total)
		values[count++] = (struct host_value){ "cpu", "ratio", (double)(now->cpu.busy - before->cpu.busy) /
			(double)(now->cpu.total - before->cpu.total) };
	if (busiest_disk(before, now, &ratio))
		values[count++] = (struct host_value){ "disk_io", "ratio", ratio };
	if (before->network_known && now->network_known && now->network_octets >= before->network_octets)
		values[count++] = (struct host_value){ "net_bytes", "bytes/s",
			(double)(now->network_octets - before->network_octets) * 1000 / (double)elapsed_ms };
	if (before->tcp_known && now->tcp_known && now->tcp.segments_out >= before->tcp.segments_out &&
	    now->tcp.segments_resent >= before->tcp.segments_resent) {
		double out = (double)(now->tcp.segments_out - before->tcp.segments_out);
		double resent = (double)(now->tcp.segments_resent - before->tcp.segments_resent);

		/* OutSegs doesn't count the resent ones. */
		values[count++] =
		    (struct host_value){ "retrans", "ratio", out + resent > 0 ? resent / (out + resent) : 0 };
	}
	return count;
}

static void
host_read(const struct collect *collect, struct host_state *host)
{
	char *text;

	if ((text = proc_read(collect, "stat")) != NULL)
		host->cpu_known = collect_read_cpu(text, &host->cpu);
	free(text);
	if ((text = proc_read(collect, "meminfo")) != NULL)
		host->memory_known = collect_read_memory(text, &host->memory);
	free(text);
	if ((text = proc_read(collect, "loadavg")) != NULL)
		host->load_known = collect_read_load(text, &host->load1);
	free(text);
	if ((text = proc_read(collect, "diskstats")) != NULL)
		host->disks_known = collect_read_disks(text, &host->disks);
	free(text);
	if ((text = proc_read(collect, "net/dev")) != NULL)
		host->network_known = collect_read_network(text, collect->interfaces, collect->interface_count,
		    &host->network_octets);
	free(text);
	if ((text = proc_read(collect, "net/sockstat")) != NULL)
		host->connections_known = collect_read_connections(text, &host->connections);
	free(text);
	if ((text = proc_read(collect, "net/snmp")) != NULL)
		host->tcp_known = collect_read_tcp(text, &host->tcp);
	free(text);
}

static char *
proc_read(const struct collect *collect, const char *file)
{
	char path[4096];
	size_t length;
	int error;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", collect->root, file) >= sizeof(path))
		return NULL;
	return text_read_file(path, FILE_LIMIT, &length, &error);
}

static bool
busiest_disk(const struct host_state *before, const struct host_state *now, double *ratio)
{
	double elapsed_ms = (double)mono_ms_between(before->at, now->at);
	bool found = false;

	*ratio = 0;
	for (size_t i = 0; before->disks_known && now->disks_known && i < now->disks.count; i++) {
		const struct disk_counters *disk = &now->disks.disks[i];

		for (size_t j = 0; j < before->disks.count; j++) {
			const struct disk_counters *earlier = &before->disks.disks[j];

			if (strcmp(disk->name, earlier->name) != 0 || disk->busy_ms < earlier->busy_ms)
				continue;
			*ratio = fmax(*ratio, fmin(1, (double)(disk->busy_ms - earlier->busy_ms) / elapsed_ms));
			found = true;
		}
	}
	return found;
}

static size_t
fill_values(const struct collect *collect, struct host_value *values, size_t room)
{
	size_t count = 0;
	double fullest = -1, ratio;

	for (size_t i = 0; i < collect->path_count; i++) {
		if (!fill_ratio(collect->paths[i], &ratio))
			continue;
		fullest = fmax(fullest, ratio);
		if (collect->path_count > 1 && count + 1 < room)
			values[count++] = (struct host_value){ collect->path_names[i], "ratio", ratio };
	}
	if (fullest >= 0 && count < room)
		values[count++] = (struct host_value){ "disk", "ratio", fullest };
	return count;
}

/* As df(1) counts: of what ordinary users can have, what is taken. */
static bool
fill_ratio(const char *path, double *ratio)
{
	struct statvfs fs;
	double used;

	if (statvfs(path, &fs) != 0 || fs.f_blocks == 0)
		return false;
	used = (double)(fs.f_blocks - fs.f_bfree);
	if (used + (double)fs.f_bavail <= 0)
		return false;
	*ratio = used / (used + (double)fs.f_bavail);
	return true;
}
