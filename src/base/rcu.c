/* rcu.c -- the rare calls of rcu.h, and what the thread sanitizer is told. `edge` is only an address that both sides
 * name: a reader releases it when it lets go of its pointers, the writer acquires it after it has waited. */
#include "base/rcu.h"

#ifdef RCU_TOLD_TO_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static char edge;
# define tell_acquire() __tsan_acquire(&edge)
#else
# define tell_acquire() ((void)0)
#endif

void
rcu_tsan_release(void)
{
#ifdef RCU_TOLD_TO_TSAN
	__tsan_release(&edge);
#endif
}

void
rcu_reader_register(void)
{
	urcu_qsbr_register_thread();
}

void
rcu_reader_unregister(void)
{
	rcu_tell_release();
	urcu_qsbr_unregister_thread();
}

void
rcu_wait_readers(void)
{
	urcu_qsbr_synchronize_rcu();
	tell_acquire();
}
