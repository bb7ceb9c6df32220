/* SPDX-License-Identifier: MIT */
/*
 * thread.c - the registry of thread records. A record is made on its first owner's node, returns to
 * that node's free list when the owner exits, and is never unmapped.
 */
#include "thread.h"
#include "cpu.h"
#include "fork.h"
#include "init.h"
#include "kernel.h"
#include "latch.h"
#include "mem.h"

#include <errno.h>
#include <fastsync/owner.h>
#include <limits.h>
#include <pthread.h>

FSY_STATIC_ASSERT(sizeof(struct fsyi_thread) % FSY_CACHELINE == 0, "the queue header behind a record starts a line");

__thread struct fsyi_thread *fsyi_thread_current __attribute__((tls_model("initial-exec")));
__thread struct fsy_self_ fsy_me_ __attribute__((tls_model("initial-exec"))) = { .id_ = FSY_NOBODY_ };

/* Which process, counted in forks, fsyi_thread_current was set in, and how often this thread's destructor ran. */
static __thread uint32_t generation __attribute__((tls_model("initial-exec")));
static __thread int farewells __attribute__((tls_model("initial-exec")));

/* ThreadSanitizer, for which there is no asymmetric form, forgets a thread before the last round is over. */
enum { LAST_ROUND = PTHREAD_DESTRUCTOR_ITERATIONS - !FSY_ASYMMETRIC_ };

static struct fsyi_latch latch;                  /* over the key and the free lists */
static enum { KEY_NONE, KEY_MADE, KEY_REFUSED } key_state;
static pthread_key_t key;
static struct fsyi_thread *free_lists[FSYI_NODE_QUEUES];
static fsy_atomic_ptr registered;

static struct fsyi_waitq *
own_queue(struct fsyi_thread *thread)
{
	return (struct fsyi_waitq *)(void *)(thread + 1);
}

static struct fsyi_thread **
free_list(int node)
{
	return &free_lists[node % FSYI_NODE_QUEUES];
}

/* Under the latch, or alone in a forked child. */
static void
retire(struct fsyi_thread *thread)
{
	struct fsyi_thread **list = free_list(thread->home);

	thread->virtual_node = -1;
	thread->pools = NULL;
	thread->free_next = *list;
	*list = thread;
}

static void
give_record_back(void)
{
	struct fsyi_thread *thread = fsyi_thread_current;

	if (thread != NULL && generation == fsyi_fork_generation() && thread->pools != NULL) {
		fsyi_pool_thread_exit(thread->pools);    /* calls the user, who may do anything */
		thread->pools = NULL;
	}
	fsyi_thread_current = NULL;
	if (thread == NULL || generation != fsyi_fork_generation())
		return;                          /* fork recovery has taken it already */
	fsyi_reader_exit(thread);
	fsyi_latch_lock(&latch);
	retire(thread);
	fsyi_latch_unlock(&latch);
}

/* Locks that it holds. */
static bool
leave(bool last_round)
{
	bool no_mutex = fsyi_owner_leaves(last_round), no_fair_lock = fsyi_fair_leaves(last_round);

	return no_mutex && no_fair_lock;
}

/* A thread's destructors run in up to PTHREAD_DESTRUCTOR_ITERATIONS rounds, in no order that could be relied
 * on. The record goes at once; a later destructor that waits for a lock gets one again, and one that unlocks finds the lock still held.
 * This runs in every round, whether or not there is anything to do, because the last one is known by counting. */
static void
farewell(void *value)
{
	bool last_round = ++farewells >= LAST_ROUND;

	fsyi_fork_check();
	give_record_back();
	if (!last_round && pthread_setspecific(key, value) != 0)
		last_round = true;
	leave(last_round);
}

/* Under the latch. */
static bool
have_key(void)
{
	if (key_state == KEY_NONE)
		key_state = pthread_key_create(&key, farewell) == 0 ? KEY_MADE : KEY_REFUSED;
	return key_state == KEY_MADE;
}

static struct fsyi_thread *
take_free(int node)
{
	struct fsyi_thread **list = free_list(node);
	struct fsyi_thread *thread = NULL;

	fsyi_latch_lock(&latch);
	if (have_key() && *list != NULL) {
		thread = *list;
		*list = thread->free_next;
		thread->free_next = NULL;
	}
	fsyi_latch_unlock(&latch);
	return thread;
}

static struct fsyi_thread *
make(int node)
{
	struct fsyi_thread *thread;
	void *head;

	if (key_state != KEY_MADE)               /* settled by take_free() */
		return NULL;
	thread = fsyi_mem_alloc(sizeof(*thread) + fsyi_waitq_size, node);
	if (thread == NULL)
		return NULL;
	thread->spare = own_queue(thread);
	thread->virtual_node = -1;
	thread->home = node;
	head = fsy_atomic_ptr_load_rlx(&registered);
	do
		thread->registered_next = head;
	while (!fsy_atomic_ptr_cas_rel(&registered, &head, thread));
	return thread;
}

/* No record for want of a key would be a leak per thread, so there is none at all then. */
static __attribute__((cold, noinline)) struct fsyi_thread *
enlist(void)
{
	struct fsyi_thread *thread;
	int node, before = errno, error;

	fsyi_thread_current = NULL;
	if (farewells >= PTHREAD_DESTRUCTOR_ITERATIONS)
		return NULL;                     /* nobody would give the record back */
	fsyi_fork_check();
	node = fsyi_node();
	thread = take_free(node);
	if (thread == NULL)
		thread = make(node);
	if (thread == NULL)
		return NULL;
	/* Set first: pthread_setspecific may call malloc, and malloc may be somebody's that takes our locks. */
	fsyi_thread_current = thread;
	generation = fsyi_fork_generation();
	error = pthread_setspecific(key, thread);
	errno = before;
	if (error == 0)
		return thread;
	fsyi_thread_current = NULL;
	fsyi_reader_exit(thread);               /* that malloc may have read */
	fsyi_latch_lock(&latch);
	retire(thread);
	fsyi_latch_unlock(&latch);
	return NULL;
}

struct fsyi_thread *
fsyi_thread_self(void)
{
	struct fsyi_thread *thread = fsyi_thread_current;

	if (FSY_LIKELY(thread != NULL && generation == fsyi_fork_generation()))
		return thread;
	return enlist();
}

/* Not kept: a forked child's thread has another. */
uint32_t
fsyi_thread_id(void)
{
	return (uint32_t)fsyi_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static void *
run_errand(void *arg)
{
	struct fsyi_errand *errand = (struct fsyi_errand *)arg;

	pthread_cleanup_push(errand->end, errand->arg);
	errand->run(errand->arg);
	pthread_cleanup_pop(1);
	return NULL;
}

int
fsyi_thread_start(struct fsyi_errand *errand)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int before = errno, error = pthread_attr_init(&attributes);

	if (error != 0)
		return error;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attributes, run_errand, errand);
	pthread_attr_destroy(&attributes);
	errno = before;
	return error;
}

void
fsyi_thread_each(void (*visit)(struct fsyi_thread *thread, void *arg), void *arg)
{
	struct fsyi_thread *thread = fsy_atomic_ptr_load_acq(&registered);

	for (; thread != NULL; thread = thread->registered_next)
		visit(thread, arg);
}

/* Whatever the record's owner was doing when the fork happened, it does no longer. */
static void
forget_wait(struct fsyi_thread *thread)
{
	fsy_atomic_u32_store_rlx(&thread->park, 0);
	thread->token = 0;
	thread->next = thread->prev = thread->node_next = thread->node_prev = NULL;
	thread->queue = NULL;
	fsy_atomic_ptr_store_rlx(&thread->key, NULL);
	thread->spare = own_queue(thread);
	__builtin_memset((void *)thread->spare, 0, fsyi_waitq_size);
}

void
fsyi_thread_fork_child(void)
{
	struct fsyi_thread *thread = fsy_atomic_ptr_load_acq(&registered);

	for (int i = 0; i < FSYI_NODE_QUEUES; i++)
		free_lists[i] = NULL;
	for (; thread != NULL; thread = thread->registered_next) {
		forget_wait(thread);
		if (thread != fsyi_thread_current)
			retire(thread);
	}
	/* A thread of the child that is not this one finds its generation stale and enlists anew. */
	generation = fsyi_fork_generation();
}

void
fsyi_thread_init(void)
{
	fsyi_latch_lock(&latch);
	have_key();
	fsyi_latch_unlock(&latch);
}
