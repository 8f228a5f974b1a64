/* rcu.h -- the one door to liburcu: readers that never wait, and a writer that waits until no reader holds the old.
 * The quiescent-state flavour, because a reader pays nothing between two batches: a worker says once per batch that it
 * holds no pointer any more, and goes offline before it may sleep, else it would stall every writer.
 *
 * Reader: rcu_reader_register(); loop { p = rcu_load(shared); ...; rcu_reader_quiescent(); } rcu_reader_unregister();
 * Writer: old = rcu_exchange(shared, fresh); rcu_wait_readers(); free old.
 *
 * `shared` is the pointer variable itself, not its address. A thread is online after rcu_reader_register().
 * Under the thread sanitizer liburcu's order isn't seen, since the library isn't instrumented: its inlined parts are
 * left out, and the edge from a reader's quiescence to the writer's free is told by hand (rcu.c). */
#ifndef ISOBAR_BASE_RCU_H
#define ISOBAR_BASE_RCU_H

#if defined __SANITIZE_THREAD__
# define RCU_TOLD_TO_TSAN 1
#elif defined __has_feature
# if __has_feature(thread_sanitizer)
#  define RCU_TOLD_TO_TSAN 1
# endif
#endif

#ifdef RCU_TOLD_TO_TSAN
# define rcu_tell_release() rcu_tsan_release()
#else
# define rcu_tell_release() ((void)0)
# define _LGPL_SOURCE	/* the library's readers are inlined: 3 times the reads/s of calls */
#endif
#include <urcu/urcu-qsbr.h>

void rcu_tsan_release(void);

void rcu_reader_register(void);
void rcu_reader_unregister(void);

/* The caller holds no pointer from rcu_load() any more. Online threads only. */
static inline void
rcu_reader_quiescent(void)
{
	rcu_tell_release();
	urcu_qsbr_quiescent_state();
}

/* Around every call that may sleep. Between the two, rcu_load() is not allowed. */
static inline void
rcu_reader_offline(void)
{
	rcu_tell_release();
	urcu_qsbr_thread_offline();
}

static inline void
rcu_reader_online(void)
{
	urcu_qsbr_thread_online();
}

/* Acquire instead of consume: compilers turn the second into the first, and a batch pays it once. */
#define rcu_load(shared) __atomic_load_n(&(shared), __ATOMIC_ACQUIRE)
#define rcu_publish(shared, value) __atomic_store_n(&(shared), (value), __ATOMIC_RELEASE)
#define rcu_exchange(shared, value) __atomic_exchange_n(&(shared), (value), __ATOMIC_ACQ_REL)

/* Returns when every registered thread has been quiescent or offline since the call. Not from a worker: it sleeps. */
void rcu_wait_readers(void);

#endif
