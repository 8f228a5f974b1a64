/* signer_tasks.c -- signatures for all RRsets of a signing, by several threads.
 * In: items and the tasks for them.  Out: each task's signature, from the cache or made; the cache has them then.
 * Threads: as many as asked for, the caller's among them. They take tasks by the dozen from a common counter, only look
 * into the cache, and keep what they make in the task; afterwards the caller puts it all into the cache. So no lock is
 * needed but for the progress that is told.
 *
 * What is signed is digested with everything that makes a signature right but its times: RRSIG's other fields, the
 * RRset's canonical form, and the key itself, since two keys may have the same tag. From that digest comes the jitter,
 * too: it's the same at each signing, and independent from one RRset to the next. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/canonical.h"
#include "dnssec/key_private.h"
#include "dnssec/signer_parts.h"

#define BATCH 16	/* tasks at a time: a millisecond of signing, so that threads end together */
#define THREADS_MAX 64
#define BACKDATED 3600	/* seconds: resolvers whose clocks are late by less accept a new signature */
#define FIXED 18	/* octets of RRSIG's RDATA before the signer's name */

struct run {
	struct work *work;
	uint32_t now;
	atomic_size_t next;
	atomic_bool failed;
	pthread_mutex_t telling;
	size_t told;
};

struct signing_thread {
	struct run *run;
	pthread_t id;
	struct key_signer **signers;	/* by key; made when first used */
	struct text data;
	struct canonical_scratch scratch;
};

static atomic_uint_fast64_t all_made;

static void *work_off(void *arg);
static bool do_task(struct signing_thread *thread, struct task *task);
static size_t put_fixed(const struct work *work, const struct task *task, uint32_t inception, uint32_t expiry,
	uint8_t *rdata);
static bool usable(const struct run *run, const struct signature *signature);
static bool make(struct signing_thread *thread, struct task *task, const uint8_t *digest, size_t signed_length);
static void tell(struct run *run, size_t done);
static bool keep_signatures(struct work *work);

uint64_t
signatures_made(void)
{
	return atomic_load_explicit(&all_made, memory_order_relaxed);
}

bool
tasks_run(struct work *work)
{
	unsigned wanted = work->signing->threads, count = 0;
	struct run run = { .work = work, .now = (uint32_t)(work->signing->now.ms / 1000) };
	struct signing_thread *threads;

	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	if (wanted > work->task_count / BATCH)
		wanted = (unsigned)(work->task_count / BATCH);
	threads = calloc((size_t)wanted + 1, sizeof(*threads));
	if (threads == NULL)
		return false;
	pthread_mutex_init(&run.telling, NULL);
	threads[0].run = &run;
	/* A thread that can't be had leaves its work to the others. */
	while (count + 1 < wanted) {
		threads[count + 1].run = &run;
		if (pthread_create(&threads[count + 1].id, NULL, work_off, &threads[count + 1]) != 0)
			break;
		count++;
	}
	work_off(&threads[0]);
	for (unsigned i = 1; i <= count; i++)
		pthread_join(threads[i].id, NULL);
	pthread_mutex_destroy(&run.telling);
	free(threads);
	return keep_signatures(work) && !run.failed;
}

static void *
work_off(void *arg)
{
	struct signing_thread *thread = arg;
	struct run *run = thread->run;
	struct work *work = run->work;
	size_t keys = work->signing->key_count;

	thread->signers = calloc(keys, sizeof(struct key_signer *));
	if (thread->signers == NULL)
		run->failed = true;
	while (!run->failed) {
		size_t first = atomic_fetch_add(&run->next, BATCH), end = first + BATCH;

		if (first >= work->task_count)
			break;
		if (end > work->task_count)
			end = work->task_count;
		for (size_t i = first; i < end; i++)
			if (!do_task(thread, &work->tasks[i]))
				run->failed = true;
		tell(run, end - first);
	}
	for (size_t k = 0; thread->signers != NULL && k < keys; k++)
		key_signer_free(thread->signers[k]);
	free(thread->signers);
	text_fini(&thread->data);
	canonical_fini(&thread->scratch);
	return NULL;
}

static bool
do_task(struct signing_thread *thread, struct task *task)
{
	struct work *work = thread->run->work;
	const struct item *item = &work->items[task->item];
	const struct key *key = &work->signing->keys[task->key];
	uint8_t fixed[FIXED + NAME_MAX], digest[SHA256_SIZE];
	size_t length;

	thread->data.length = 0;
	text_add(&thread->data, (const char *)fixed, put_fixed(work, task, 0, 0, fixed));
	canonical_add(&thread->data, item->owner, &item->set, &thread->scratch);
	length = thread->data.length;
	text_add(&thread->data, (const char *)key->public_key, key->public_length);
	if (thread->data.failed)
		return false;
	sha256(thread->data.bytes, thread->data.length, digest);
	task->signature = signature_cache_find(work->cache, digest);
	if (task->signature != NULL && usable(thread->run, task->signature))
		return true;
	return make(thread, task, digest, length);
}

/* RRSIG's RDATA before the signature (RFC 4034 section 3.1). A wildcard's "*" isn't counted among its labels. */
static size_t
put_fixed(const struct work *work, const struct task *task, uint32_t inception, uint32_t expiry, uint8_t *rdata)
{
	const struct item *item = &work->items[task->item];
	const struct key *key = &work->signing->keys[task->key];
	const struct node *apex = zone_apex(work->signing->zone);
	bool wildcard = item->owner[0] == 1 && item->owner[1] == '*';

	wire_put_u16(rdata, item->set.type);
	rdata[2] = (uint8_t)key->algorithm;
	rdata[3] = (uint8_t)(name_labels(item->owner) - wildcard);
	wire_put_u32(rdata + 4, item->set.ttl);
	wire_put_u32(rdata + 8, expiry);
	wire_put_u32(rdata + 12, inception);
	wire_put_u16(rdata + 16, key->tag);
	memcpy(rdata + FIXED, apex->name, apex->name_length);
	return FIXED + (size_t)apex->name_length;
}

/* Times of RRSIG are of serial arithmetic (RFC 4034 section 3.1.5). */
static bool
usable(const struct run *run, const struct signature *signature)
{
	return (int32_t)(signature->inception - run->now) <= 0
	    && (int32_t)(signature->expiry - run->now) > (int32_t)run->work->signing->policy.refresh_s;
}

static bool
make(struct signing_thread *thread, struct task *task, const uint8_t *digest, size_t signed_length)
{
	const struct work *work = thread->run->work;
	const struct signing_policy *policy = &work->signing->policy;
	uint32_t now = thread->run->now, room = policy->validity_s - policy->refresh_s, jitter = policy->jitter_s;
	struct key_signer **signer = &thread->signers[task->key];
	uint8_t octets[SIGNATURE_MAX], *data = (uint8_t *)thread->data.bytes;
	size_t length;
	uint64_t dice;
	struct signature *made;

	/* More jitter than that, and some signatures would be due at once. */
	if (jitter > room / 2)
		jitter = room / 2;
	memcpy(&dice, digest + SIGNED_DIGEST, sizeof(dice));
	if (*signer == NULL)
		*signer = key_signer_new(&work->signing->keys[task->key]);
	if (*signer == NULL)
		return false;
	put_fixed(work, task, now - BACKDATED, now + policy->validity_s - (uint32_t)(dice % (jitter + 1ull)), data);
	length = key_sign(*signer, data, signed_length, octets);
	made = length == 0 ? NULL : malloc(sizeof(*made) + length);
	if (made == NULL)
		return false;
	atomic_fetch_add_explicit(&all_made, 1, memory_order_relaxed);
	*made = (struct signature){ .inception = now - BACKDATED, .length = (uint16_t)length };
	made->expiry = now + policy->validity_s - (uint32_t)(dice % (jitter + 1ull));
	memcpy(made->digest, digest, SIGNED_DIGEST);
	memcpy(made->octets, octets, length);
	task->made = made;
	return true;
}

static void
tell(struct run *run, size_t done)
{
	const struct signing *signing = run->work->signing;

	if (signing->progress == NULL)
		return;
	pthread_mutex_lock(&run->telling);
	run->told += done;
	signing->progress(signing->progress_arg, run->told, run->work->task_count);
	pthread_mutex_unlock(&run->telling);
}

/* Also after a failure: what was made isn't lost. */
static bool
keep_signatures(struct work *work)
{
	bool good = true;

	for (size_t i = 0; i < work->task_count; i++) {
		struct task *task = &work->tasks[i];

		if (task->made != NULL) {
			const struct signature *kept = signature_cache_put(work->cache, task->made);

			work->made += kept == task->made;
			task->signature = kept;
			task->made = NULL;
			good &= kept != NULL;
		}
		if (task->signature != NULL)
			signature_cache_use(work->cache, task->signature);
	}
	return good;
}

size_t
task_rrsig(const struct work *work, const struct task *task, uint8_t rdata[static RRSIG_MAX])
{
	const struct signature *signature = task->signature;
	size_t length = put_fixed(work, task, signature->inception, signature->expiry, rdata);

	memcpy(rdata + length, signature->octets, signature->length);
	return length + signature->length;
}
