/* SPDX-License-Identifier: MIT */
/*
 * pool.h - objects that are costly to make, kept for reuse: Go's sync.Pool with limits.
 *
 * A thread keeps one object at hand and a few in two magazines of its own; full magazines go to depots, some per NUMA node.
 * get takes from the own hand, the own magazines, the depot of its CPUs, the other depots of its node (eldest first), those
 * of other nodes (nearest first), what has been idle for a period, and only then makes a new object.
 *
 *   fsy_pool_t *buffers = fsy_pool_new(&(fsy_pool_config_t){ .object_size = 1024, .max_bytes = 64 << 20 });
 *   char *buffer = fsy_pool_get(buffers);
 *   ...
 *   fsy_pool_put(buffers, buffer);
 *
 * ORDER   put synchronizes-before the get that returns the same object.
 * CLOCK   CLOCK_MONOTONIC. Calls that reach a depot look at it; the first one after a period destroys what has been idle since the
 *         tick before the last. No thread is started: fsy_pool_tick does the same for a program whose calls never get that far.
 * SAFETY  get and put wait for nobody: a thread that was preempted anywhere in the pool makes others go another way. They allocate
 *         (memory for objects and magazines, a thread's table at its first call) and call the functions of the configuration
 *         with no lock held; those may use the pool. No call here is a cancellation point or async-signal-safe.
 * FORK    In a child the pool works on. Objects that were in other threads' hands at that moment are not seen again.
 */
#ifndef FASTSYNC_POOL_H
#define FASTSYNC_POOL_H

#include <fastsync/lockword.h>

FSY_BEGIN_DECLS

/* Private but for its name: where this pool's cell lies in each thread's table of cells. */
typedef struct fsy_pool {
	uint32_t cell_;
} fsy_pool_t;

/* Zero means the default. */
typedef struct fsy_pool_config {
	size_t object_size;                      /* bytes per object; required where the pool allocates, or max_bytes is set */
	void *(*new_fn)(void *arg);              /* makes an object, NULL if it cannot. Default: object_size bytes from malloc */
	void (*free_fn)(void *object, void *arg);   /* destroys one. Only with new_fn; default: objects are forgotten */
	int (*node_fn)(void *object, void *arg); /* node the object belongs to. Only with new_fn; default: where it is put */
	void *arg;                               /* for the three */
	size_t max_idle;                         /* objects kept at most. Default: no limit */
	size_t max_bytes;                        /* the same in bytes of object_size each */
	int64_t idle_ns;                         /* the period. Default FASTSYNC_POOL_IDLE_NS; FSY_FOREVER: nothing ages */
} fsy_pool_config_t;

typedef struct {
	uint64_t idle;                           /* objects in the pool now */
	uint64_t created, destroyed;             /* objects made, and given to free_fn */
	uint64_t dropped;                        /* ... of these, because the pool was full or without memory */
	uint64_t aged;                           /* ... because they were idle, or by trim */
	uint64_t own_depot, node_depot;          /* magazines taken from the depot of the own CPUs, from others of the node */
	uint64_t remote_depot;                   /* ... of other nodes */
	uint64_t victims;                        /* objects that were saved from old age */
	uint64_t sent_home;                      /* objects returned to another node's depot */
	uint64_t ticks;
} fsy_pool_stats_t;

/* One per thread and pool. own_ is 0 while the thread may not keep an object here, 1 if it may and has none, 2 while somebody
 * examines it, else the object. */
struct fsy_pool_cell_ {
	fsy_atomic_ptr own_;
	fsy_atomic_u32 busy_;
	uint32_t unused_;
};

#define FSY_POOL_VACANT_ ((void *)1)
#define FSY_POOL_TAKEN_  ((void *)2)

/* The calling thread's cells. */
extern FSY_API __thread __attribute__((tls_model("initial-exec"))) char *fsy_pool_cells_;

FSY_API fsy_pool_t *fsy_pool_new_(const fsy_pool_config_t *config, size_t config_size, bool checked);
FSY_API void *fsy_pool_get_slow_(fsy_pool_t *p);
FSY_API void fsy_pool_put_slow_(fsy_pool_t *p, void *object);

/* A pool, empty. NULL: no memory, or a configuration that contradicts itself. The first 127 pools of a process have the inline
 * path. In a program built with -DFASTSYNC_CHECKED the pool finds every object that is put twice and aborts. */
FSY_INLINE FSY_MUST_CHECK fsy_pool_t *
fsy_pool_new(const fsy_pool_config_t *config)
{
	return fsy_pool_new_(config, sizeof(*config), !FSY_FAST);
}

/* An object, as it was put or newly made; NULL only if none is idle and none can be made. */
FSY_INLINE FSY_MUST_CHECK void *
fsy_pool_get(fsy_pool_t *p)
{
	struct fsy_pool_cell_ *cell = (struct fsy_pool_cell_ *)(void *)(fsy_pool_cells_ + p->cell_);
	void *object;

	fsy_atomic_u32_store_rlx(&cell->busy_, 1);
	FSY_LIGHT_BARRIER_();
	object = fsy_atomic_ptr_load_rlx(&cell->own_);
	if (FSY_LIKELY((uintptr_t)object > (uintptr_t)FSY_POOL_TAKEN_)) {
		fsy_atomic_ptr_store_rlx(&cell->own_, FSY_POOL_VACANT_);
		return object;
	}
	return fsy_pool_get_slow_(p);
}

/* Gives an object back, from whatever thread; it need not have come from this pool if free_fn can destroy it. NULL is
 * ignored. What the limits leave no room for is destroyed. Putting an object twice in a row prints "fastsync: object put
 * twice" and aborts; see fsy_pool_new for the rest. */
FSY_INLINE void
fsy_pool_put(fsy_pool_t *p, void *object)
{
	struct fsy_pool_cell_ *cell = (struct fsy_pool_cell_ *)(void *)(fsy_pool_cells_ + p->cell_);

	if (FSY_LIKELY(fsy_atomic_ptr_load_rlx(&cell->own_) == FSY_POOL_VACANT_ && object != NULL)) {
		fsy_atomic_u32_store_rlx(&cell->busy_, 0);
		fsy_atomic_ptr_store_rel(&cell->own_, object);   /* J1 -> J2 */
		return;
	}
	fsy_pool_put_slow_(p, object);
}

/* Ages p if a period has passed; the number of objects destroyed. */
FSY_API size_t fsy_pool_tick(fsy_pool_t *p);

/* Destroys the idle objects, those in other threads' magazines included (without membarrier: the caller's only); their number. */
FSY_API size_t fsy_pool_trim(fsy_pool_t *p);

/* For when memory runs short: trims every pool of the process; the number of objects destroyed. */
FSY_API size_t fsy_pool_relieve(void);

/* A snapshot without a stop of the world. */
FSY_API void fsy_pool_stats(fsy_pool_t *p, fsy_pool_stats_t *stats);

/* Destroys p and its idle objects. Nobody else may use p; objects still out are the caller's from now on. NULL is ignored. */
FSY_API void fsy_pool_free(fsy_pool_t *p);

FSY_END_DECLS

#endif
