/* test_collect.c -- rem-agent/collect: each reader on texts as kernels write them and on broken ones, values from two
 * moments, and the real /proc of the machine the test runs on. */
#include "rem-agent/collect.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "suite.h"

static const char net_dev[] = "Inter-|   Receive                                                |  Transmit\n"
			      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs "
			      "drop fifo colls carrier compressed\n"
			      "    lo: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\n"
			      "  eth0: 5000 9 0 0 0 0 0 0 700 8 0 0 0 0 0 0\n"
			      "eth1:60 9 0 0 0 0 0 0 5 8 0 0 0 0 0 0\n";
static const char snmp[] = "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
			   "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets "
			   "CurrEstab InSegs OutSegs RetransSegs InErrs\n"
			   "Tcp: 1 200 120000 -1 20801 20691 26 115 0 179381 178951 12 0\n"
			   "Udp: InDatagrams\nUdp: 5\n";
static const char diskstats[] =
    "   7       0 loop0 1 0 0 0 0 0 0 0 0 99999 0 0 0 0 0\n"
    " 259       0 nvme0n1 100 0 800 20 50 0 400 30 0 40 50 0 0 0 0 0 0\n"
    " 259       1 nvme0n1p1 100 0 800 20 50 0 400 30 0 39 50\n"
    "   8       0 sda 1 2 3 4 5 6 7 8 0 10 11\n"
    "   1       0 ram0 1 2 3 4 5 6 7 8 0 10 11\n";

static void
test_cpu(void)
{
	static const struct { const char *text; bool good; uint64_t busy, total; } rows[] = {
		{ "cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n", true, 81, 531 },
		{ "cpu  10 20 30 400\n", true, 60, 460 },
		{ "", false, 0, 0 }, { "intr 1 2 3\n", false, 0, 0 }, { "cpu  10 20\n", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cpu_counters cpu;

		if (collect_read_cpu(rows[i].text, &cpu) != rows[i].good)
			SUITE_TEXT(rows[i].text, "judged rightly");
		if (rows[i].good) {
			CU_ASSERT_EQUAL(cpu.busy, rows[i].busy);
			CU_ASSERT_EQUAL(cpu.total, rows[i].total);
		}
	}
}

static void
test_memory_and_load(void)
{
	double value;

	CU_ASSERT_TRUE(
	    collect_read_memory("MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    250 kB\n", &value));
	CU_ASSERT_EQUAL(value, 0.75);
	CU_ASSERT_FALSE(collect_read_memory("MemTotal:       1000 kB\nMemFree: 1 kB\n", &value));
	CU_ASSERT_FALSE(collect_read_memory("MemTotal: 0 kB\nMemAvailable: 0 kB\n", &value));
	CU_ASSERT_FALSE(collect_read_memory("MemTotal: 10 kB\nMemAvailable: 11 kB\n", &value));
	CU_ASSERT_FALSE(collect_read_memory("", &value));
	CU_ASSERT_TRUE(collect_read_load("1.25 0.50 0.10 1/99 1234\n", &value));
	CU_ASSERT_EQUAL(value, 1.25);
	CU_ASSERT_FALSE(collect_read_load("", &value));
	CU_ASSERT_FALSE(collect_read_load("-1 0 0\n", &value));
	CU_ASSERT_FALSE(collect_read_load("nan 0 0\n", &value));
	CU_ASSERT_TRUE(
	    collect_read_connections("sockets: used 14\nTCP: inuse 17 orphan 0 tw 6 alloc 1 mem 12\n", &value));
	CU_ASSERT_EQUAL(value, 17);
	CU_ASSERT_FALSE(collect_read_connections("sockets: used 14\n", &value));
}

static void
test_disks(void)
{
	struct disk_list list;

	CU_ASSERT_TRUE(collect_read_disks(diskstats, &list));
	CU_ASSERT_EQUAL_FATAL(list.count, 3);
	SUITE_TEXT(list.disks[0].name, "nvme0n1");
	CU_ASSERT_EQUAL(list.disks[0].busy_ms, 40);
	SUITE_TEXT(list.disks[2].name, "sda");
	CU_ASSERT_EQUAL(list.disks[2].busy_ms, 10);
	CU_ASSERT_FALSE(collect_read_disks("   7       0 loop0 1 0 0 0 0 0 0 0 0 99 0\n", &list));
	CU_ASSERT_FALSE(collect_read_disks("", &list));
	CU_ASSERT_FALSE(collect_read_disks("8 0 sda 1 2 3\n", &list));
}

static void
test_network(void)
{
	static const char *const one[] = { "eth1" }, *const two[] = { "eth1", "lo" }, *const none[] = { "wlan0" };
	uint64_t octets;
	struct tcp_counters tcp = { 0 };

	CU_ASSERT_TRUE(collect_read_network(net_dev, NULL, 0, &octets));
	CU_ASSERT_EQUAL(octets, 5765);
	CU_ASSERT_TRUE(collect_read_network(net_dev, one, 1, &octets));
	CU_ASSERT_EQUAL(octets, 65);
	CU_ASSERT_TRUE(collect_read_network(net_dev, two, 2, &octets));
	CU_ASSERT_EQUAL(octets, 2065);
	CU_ASSERT_FALSE(collect_read_network(net_dev, none, 1, &octets));
	CU_ASSERT_FALSE(collect_read_network("", NULL, 0, &octets));
	CU_ASSERT_TRUE(collect_read_tcp(snmp, &tcp));
	CU_ASSERT_EQUAL(tcp.segments_out, 178951);
	CU_ASSERT_EQUAL(tcp.segments_resent, 12);
	CU_ASSERT_FALSE(collect_read_tcp("Tcp: A B\n", &tcp));
	CU_ASSERT_FALSE(collect_read_tcp("Tcp: OutSegs RetransSegs\nTcp: 1\n", &tcp));
	CU_ASSERT_FALSE(collect_read_tcp("", &tcp));
}

static double
value_of(const struct host_value *values, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	}
	return NAN;
}

static struct host_state
moment(int64_t ms)
{
	return (struct host_state){
		.at = { ms * 1000000 },
		.cpu_known = true,
		.memory_known = true,
		.load_known = true,
		.disks_known = true,
		.network_known = true,
		.connections_known = true,
		.tcp_known = true,
		.cpu = { .busy = 1000, .total = 5000 },
		.memory = 0.5,
		.load1 = 1.5,
		.connections = 9,
		.disks = { .count = 2,
		    .disks = { { .name = "sda", .busy_ms = 100 }, { .name = "sdb", .busy_ms = 100 } } },
		.network_octets = 10000,
		.tcp = { .segments_out = 1000, .segments_resent = 10 },
	};
}

static void
test_values(void)
{
	struct host_state before = moment(1000), now = moment(3000);
	struct host_value values[COLLECT_VALUES_MAX];
	size_t count = collect_values(NULL, &now, values);

	CU_ASSERT_EQUAL(count, 3);
	CU_ASSERT_EQUAL(value_of(values, count, "mem"), 0.5);
	CU_ASSERT_EQUAL(value_of(values, count, "load1"), 1.5);
	CU_ASSERT_EQUAL(value_of(values, count, "conns"), 9);

	now.cpu = (struct cpu_counters){ .busy = 1300, .total = 5400 };
	now.disks.disks[0].busy_ms = 1100;
	now.disks.disks[1].busy_ms = 400;
	now.network_octets = 30000;
	now.tcp = (struct tcp_counters){ .segments_out = 1095, .segments_resent = 15 };
	count = collect_values(&before, &now, values);
	CU_ASSERT_EQUAL(count, 7);
	CU_ASSERT_EQUAL(value_of(values, count, "cpu"), 0.75);
	CU_ASSERT_EQUAL(value_of(values, count, "disk_io"), 0.5);
	CU_ASSERT_EQUAL(value_of(values, count, "net_bytes"), 10000);
	CU_ASSERT_EQUAL(value_of(values, count, "retrans"), 0.05);
}

/* Counters that went back, a moment that is none, disks that changed: no value, never a wrong one. */
static void
test_values_missing(void)
{
	struct host_state before = moment(1000), now = moment(3000);
	struct host_value values[COLLECT_VALUES_MAX];
	size_t count;

	now.cpu = (struct cpu_counters){ .busy = 900, .total = 5400 };
	now.disks.disks[0].busy_ms = 50;
	now.disks.disks[1].name[2] = 'c';
	now.network_octets = 9999;
	now.tcp.segments_out = 3;
	count = collect_values(&before, &now, values);
	CU_ASSERT_EQUAL(count, 3);

	now = moment(1000);
	CU_ASSERT_EQUAL(collect_values(&before, &now, values), 3);

	/* Time spent in I/O can be counted past the interval's end; a ratio stays one. */
	now = moment(1010);
	now.disks.disks[0].busy_ms = 150;
	count = collect_values(&before, &now, values);
	CU_ASSERT_EQUAL(value_of(values, count, "disk_io"), 1);

	now = (struct host_state){ .at = { 5000000000 } };
	CU_ASSERT_EQUAL(collect_values(&before, &now, values), 0);
}

static void
file_write(const char *folder, const char *name, const char *content)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (text_write_file(path, content, strlen(content)) != 0)
		abort();
}

static void
test_files(void)
{
	static const char *const files[] = { "stat", "meminfo", "loadavg", "diskstats", "net/dev", "net/sockstat",
		"net/snmp" };
	char folder[] = "/tmp/isobar-collect.XXXXXX", path[256];
	const char *const paths[] = { folder, "/nonexistent", "/" };
	struct host_value values[COLLECT_VALUES_MAX];
	struct collect *collect;
	size_t count;

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/net", folder);
	mkdir(path, 0700);
	file_write(folder, "stat", "cpu 0 0 100 400\n");
	file_write(folder, "net/dev", net_dev);
	collect = collect_new(folder, paths, ARRAY_SIZE(paths), NULL, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(collect);
	count = collect_sample(collect, (struct mono){ 1000000000 }, values);
	CU_ASSERT(value_of(values, count, "disk") > 0 && value_of(values, count, "disk") <= 1);
	CU_ASSERT_FALSE(isnan(value_of(values, count, "disk:/")));
	CU_ASSERT_TRUE(isnan(value_of(values, count, "disk:/nonexistent")));
	CU_ASSERT_TRUE(isnan(value_of(values, count, "mem")));
	file_write(folder, "stat", "cpu 0 0 150 450\n");
	count = collect_sample(collect, (struct mono){ 2000000000 }, values);
	CU_ASSERT_EQUAL(value_of(values, count, "cpu"), 0.5);
	CU_ASSERT_EQUAL(value_of(values, count, "net_bytes"), 0);
	collect_free(collect);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/net", folder);
	rmdir(path);
	rmdir(folder);
}

static void
test_real(void)
{
	static const char *const paths[] = { "/" };
	struct host_value values[COLLECT_VALUES_MAX];
	struct collect *collect = collect_new("/proc", paths, 1, NULL, 0);
	size_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(collect);
	count = collect_sample(collect, mono_now(), values);
	CU_ASSERT(value_of(values, count, "mem") > 0 && value_of(values, count, "mem") < 1);
	CU_ASSERT(value_of(values, count, "load1") >= 0);
	CU_ASSERT(value_of(values, count, "disk") >= 0 && value_of(values, count, "disk") <= 1);
	CU_ASSERT_TRUE(isnan(value_of(values, count, "disk:/")));
	collect_free(collect);
}

static const struct suite_case cases[] = {
	{ .name = "processor time", .run = test_cpu },
	{ .name = "memory, load average, connections", .run = test_memory_and_load },
	{ .name = "disks", .run = test_disks },
	{ .name = "interfaces and TCP", .run = test_network },
	{ .name = "values from two moments", .run = test_values },
	{ .name = "no value where there is none", .run = test_values_missing },
	{ .name = "files, also missing ones", .run = test_files },
	{ .name = "this machine", .run = test_real },
};

int
main(void)
{
	return suite_run("collect", cases, ARRAY_SIZE(cases));
}
