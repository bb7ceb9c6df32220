/* SPDX-License-Identifier: MIT */
/*
 * lazy.h - a pointer that is made when it is first needed, by one thread, for all. Three cells, by what a failed init means:
 *
 *   fsy_lazy_t        as Rust's OnceLock: empty until somebody sets or makes the value. A failed init leaves it empty, and the
 *                     next caller tries again.
 *   fsy_lazy_fn_t     as Rust's LazyLock, Go's OnceFunc and OnceValue: knows how its value is made. A failure is final: the init
 *                     runs once, and every caller gets the same error.
 *   fsy_lazy_node_t   one value per NUMA node, made on the node that asks: replicas of what is read by all and written by nobody.
 *
 *   static fsy_lazy_t config;
 *   void *c;
 *   int error = fsy_lazy_get_or_init(&config, load_config, "/etc/service", &c);
 *
 * An init is int init(void **value, void *arg): 0 and *value, which may be NULL, or an error. What counts as failing, who waits,
 * ORDER, LIFE and FORK are as in <fastsync/once.h>: an init that is cancelled or left by an exception has failed. A found value
 * costs one acquire load. The cell owns nothing: what the pointer points to is the caller's to free.
 * For a value of another type put an fsy_once_t beside it and store it in the function of fsy_once_try.
 */
#ifndef FASTSYNC_LAZY_H
#define FASTSYNC_LAZY_H

#include <fastsync/once.h>

FSY_BEGIN_DECLS

typedef int (*fsy_lazy_init_t)(void **value, void *arg);
typedef int (*fsy_lazy_node_init_t)(int node, void **value, void *arg);

/* Private, all three. */
typedef struct fsy_lazy {
	fsy_once_t once_;
	void *value_;
} fsy_lazy_t;

typedef struct fsy_lazy_fn {
	fsy_lazy_t cell_;
	fsy_lazy_init_t init_;
	void *arg_;
	int error_;
} fsy_lazy_fn_t;

typedef struct fsy_lazy_node {
	fsy_once_node_t once_;
	void *value_[FSY_ONCE_NODES];
} fsy_lazy_node_t;

#define FSY_LAZY_INIT              { FSY_ONCE_INIT, 0 }
#define FSY_LAZY_FN_INIT(fn, arg)  { FSY_LAZY_INIT, (fn), (arg), 0 }
#define FSY_LAZY_NODE_INIT         { FSY_ONCE_NODE_INIT, { 0 } }

FSY_STATIC_ASSERT(sizeof(fsy_lazy_t) == 16, "the size of a lazy value is ABI");

FSY_API int fsy_lazy_get_or_init_slow_(fsy_lazy_t *l, fsy_lazy_init_t init, void *arg, void **value);
FSY_API int fsy_lazy_fn_get_slow_(fsy_lazy_fn_t *l, void **value);

/* Whether l has a value. Never blocks; async-signal-safe. */
FSY_INLINE bool
fsy_lazy_is_set(const fsy_lazy_t *l)
{
	return fsy_once_done(&l->once_);
}

/* The value, NULL while there is none. Never blocks; async-signal-safe. */
FSY_INLINE void *
fsy_lazy_get(const fsy_lazy_t *l)
{
	return fsy_once_done(&l->once_) ? l->value_ : NULL;
}

/* The value, made by init(value, arg) if there is none: 0 and *value; the error of init if this call ran it and it failed, and l
 * is as empty as before; FSY_EDEADLK inside an init of l. Waits while another caller's init runs. Source: lib/sync/lazy.c. */
FSY_INLINE FSY_MUST_CHECK int
fsy_lazy_get_or_init(fsy_lazy_t *l, fsy_lazy_init_t init, void *arg, void **value)
{
	if (!FSY_FAST || FSY_UNLIKELY(!fsy_once_done(&l->once_)))
		return fsy_lazy_get_or_init_slow_(l, init, arg, value);
	*value = l->value_;
	return 0;
}

/* Gives l its value: 0; FSY_EBUSY if it has one, and this one stays the caller's; FSY_EDEADLK inside an init of l. Waits while an
 * init runs, and wins if that fails. */
FSY_API FSY_MUST_CHECK int fsy_lazy_set(fsy_lazy_t *l, void *value);

/* Waits until l has a value: 0 and *value; FSY_ETIMEDOUT; FSY_EDEADLK inside an init of l. A deadline in the past looks once. */
FSY_API FSY_MUST_CHECK int fsy_lazy_wait_until(fsy_lazy_t *l, fsy_deadline_t deadline, void **value);

/* Empties l and returns what was in it, or NULL. Only while nobody else uses l: nothing is synchronized here. */
FSY_API void *fsy_lazy_take(fsy_lazy_t *l);

/* The value that l was built to make: 0 and *value; the error of the init, the same on every call; FSY_EPOISONED on every
 * later call if the init was aborted; FSY_EDEADLK inside the init. */
FSY_INLINE FSY_MUST_CHECK int
fsy_lazy_fn_get(fsy_lazy_fn_t *l, void **value)
{
	if (!FSY_FAST || FSY_UNLIKELY(!fsy_once_done(&l->cell_.once_)) || FSY_UNLIKELY(l->error_ != 0))
		return fsy_lazy_fn_get_slow_(l, value);
	*value = l->cell_.value_;
	return 0;
}

/* As fsy_lazy_get_or_init, for the node that the calling thread is on, whose number init is told. Costs a function call more. */
FSY_API FSY_MUST_CHECK int fsy_lazy_node_get(fsy_lazy_node_t *l, fsy_lazy_node_init_t init, void *arg, void **value);

/* The calling thread's node's own copy of size bytes at master, in that node's memory; made at the first call there and kept for
 * the life of the process. master itself, when there is no memory for a copy. */
FSY_API const void *fsy_lazy_node_copy(fsy_lazy_node_t *l, const void *master, size_t size);

FSY_END_DECLS

#endif
