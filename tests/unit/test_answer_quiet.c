/* test_answer_quiet.c -- serve/answer allocates nothing and calls no system: 100,000 mixed queries, counted and locked in.
 * Every allocation of the process is counted, also of libraries: by our own malloc() in front of libc's, or by the hooks
 * of a sanitizer. System calls are forbidden by seccomp in a child, which is killed at the first one. */
#include "serve/answer.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
# define SANITIZED 1
#elif defined __has_feature
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#include "mmdb.h"
#include "world.h"

#define QUERIES 100000

static volatile unsigned long allocations;	/* compilers know that malloc() writes to no variable of ours */

#ifdef SANITIZED
/* Of sanitizer/allocator_interface.h, which gcc doesn't bring along. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
	void (*on_free)(const volatile void *));

static void
on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	allocations++;
}

static void
on_free(const volatile void *p)
{
	(void)p;
	allocations++;
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

void
free(void *p)
{
	allocations++;
	__libc_free(p);
}
#endif

static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\nalias 60 CNAME www\n*.wild 60 TXT x\ndname 60 DNAME wild\nchild 60 NS ns.child\n"
	"ns.child 60 A 192.0.2.3\nmail 60 MX 10 ns\nmany 60 TXT a\nmany 60 TXT b\nmany 60 TXT c\n"
	"eu._region.sticky 60 A 192.0.2.1\nus._region.sticky 60 A 198.51.100.1\n"
	"eu._region.turn 60 A 192.0.2.1\nus._region.turn 60 CNAME www\n"
	"eu._region.near 60 AAAA ::1\nus._region.near 60 AAAA ::2\n";
static const char steering[] = "regions: {eu: {location: {latitude: 50, longitude: 8}},"
	" us: {location: {latitude: 39, longitude: -77}}}\n"
	"client-groups: {germany: {countries: [DE]}, office: {networks: [10.0.0.0/8, '2001:db8::/32']}}\nservices:\n"
	"  sticky.example.com: {sharding-policy: weighted-random, regions: {eu: , us: },"
	" residency: [{clients: [germany], regions: [eu]}]}\n"
	"  turn.example.com: {sharding-policy: round-robin, regions: {eu: , us: }}\n"
	"  near.example.com: {sharding-policy: geographic, regions: {eu: , us: }}\n";

static const char *const questions[] = {
	"www.example.com. A", "alias.example.com. A", "x.wild.example.com. TXT", "y.dname.example.com. TXT",
	"z.child.example.com. A", "mail.example.com. MX", "many.example.com. TXT", "nothere.example.com. A",
	"wild.example.com. A", "www.example.com. ANY", "www.example.org. A", "example.com. SOA", "child.example.com. DS",
	"sticky.example.com. A", "turn.example.com. A", "turn.example.com. AAAA", "near.example.com. AAAA",
	"sticky.example.com. AAAA",
};
static const struct ask asks[] = {
	{ .edns = false }, { .dnssec_ok = true }, { .subnet = "192.0.2.0/24" }, { .subnet = "2001:db8:1:200::/56" },
	{ .subnet = "10.1.2.0/24" }, { .client = "2001:db8:99::1", .payload = 512 }, { .stream = true },
};

#define REQUESTS (ARRAY_SIZE(questions) * ARRAY_SIZE(asks))

static struct world *world;
static uint8_t requests[REQUESTS][600];
static size_t lengths[REQUESTS];
static struct answer_env envs[REQUESTS];
static uint8_t response[ANSWER_SIZE_MAX];

static struct geo *
open_world(void)
{
	static const struct mmdb_entry countries[] = { { "192.0.2.0/24", "DE" }, { "198.51.100.0/24", "US" } };
	char path[100];
	struct text error = { 0 };
	struct geo *geo;

	snprintf(path, sizeof(path), "/tmp/isobar-test-%ld.mmdb", (long)getpid());
	mmdb_write(path, 6, MMDB_NESTED, countries, ARRAY_SIZE(countries));
	geo = geo_open(path, &error);
	if (geo == NULL)
		abort();
	unlink(path);
	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering, .geo = geo });
	for (size_t i = 0; i < REQUESTS; i++) {
		struct ask ask = asks[i % ARRAY_SIZE(asks)];

		lengths[i] = world_request(requests[i], questions[i / ARRAY_SIZE(asks)], ask);
		envs[i] = world_env(world, ask);
	}
	return geo;
}

static void
close_world(struct geo *geo)
{
	world_close(world);
	free(world);
	geo_close(geo);
}

static size_t
answer_all(void)
{
	size_t octets = 0;

	for (unsigned q = 0; q < QUERIES; q++) {
		size_t i = q % REQUESTS;

		/* Now and then a request that is damaged. */
		if (q % 16 == 0)
			requests[i][lengths[i] - 1 - q / 16 % lengths[i]] ^= (uint8_t)(1 + q / 16 % 255);
		octets += answer(&envs[i], requests[i], lengths[i], response, envs[i].stream ? sizeof(response) : 1232);
	}
	return octets;
}

static void
test_allocations(void)
{
	struct geo *geo = open_world();
	void *volatile something;
	unsigned long before;

#ifdef SANITIZED
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
#endif
	before = allocations;
	something = malloc(1);
	free(something);
	CU_ASSERT_EQUAL(allocations, before + 2);	/* counting works */
	before = allocations;
	CU_ASSERT(answer_all() > QUERIES * 20);
	CU_ASSERT_EQUAL(allocations, before);
	close_world(geo);
}

static bool
watched(void)
{
#ifdef SANITIZED
	return true;
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
#endif
}

static void
test_system_calls(void)
{
	struct geo *geo;
	int status = -1;
	pid_t child;

	if (watched()) {
		printf("# a sanitizer or valgrind makes system calls of its own: they weren't looked at\n");
		return;
	}
	geo = open_world();
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(77);
		answer_all();
		syscall(SYS_exit, 42);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		printf("# no seccomp here: system calls weren't looked at\n");
	else
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	/* And the lock works. */
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(77);
		answer_all();
		syscall(SYS_getpid);
		syscall(SYS_exit, 42);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 77));
	close_world(geo);
}

static const struct suite_case cases[] = {
	{ .name = "no allocation in 100,000 queries", .run = test_allocations },
	{ .name = "no system call in 100,000 queries", .run = test_system_calls },
};

int
main(void)
{
	return suite_run("answer_quiet", cases, ARRAY_SIZE(cases));
}
