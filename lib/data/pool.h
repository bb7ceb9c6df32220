/* SPDX-License-Identifier: MIT */
/* pool.h - the inside of a pool. pool.c has the overview. */
#ifndef FSYI_POOL_H
#define FSYI_POOL_H

#include "magazine.h"
#include "pool_check.h"

#include <fastsync/pool.h>
#include <fastsync/time.h>

#define FSYI_POOL_CELLS 128                      /* pools with an inline path, plus the cell that is always closed */
#define FSYI_CHUNKS     26                       /* chunk n has 16 << n magazines */

/* The hidden half of a cell: what the slow path keeps for one thread and pool. */
struct fsyi_pool_seat {
	fsy_atomic_ptr loaded, previous;         /* magazines; bit 0: a reaper looks at it */
	fsy_atomic_ptr saved;                    /* what the reaper found in the cell */
	fsy_atomic_ptr pool;                     /* whose seat it is, NULL = nobody's */
	fsy_atomic_u32 inside;                   /* the thread is in the slow path */
	fsy_atomic_u32 reaper;                   /* 0, or fork generation << 1 | 1 of who reaps */
};

/* A thread's cells and seats: made at its first call, passed on when it ends, never unmapped. */
struct fsyi_pool_table {
	struct fsy_pool_cell_ cells[FSYI_POOL_CELLS];
	struct fsyi_pool_seat seats[FSYI_POOL_CELLS];
	fsy_atomic_u32 generation;               /* fork generation that its thread was seen in */
	int home;                                /* node of the table's memory */
	struct fsyi_pool_table *next;            /* all tables; immutable */
	struct fsyi_pool_table *free_next;
};

struct fsyi_pool_shard {
	fsy_atomic_u64 full __attribute__((aligned(128)));   /* stacks: tag << 32 | index + 1 */
	fsy_atomic_u64 victims;
};

struct fsyi_pool {
	fsy_pool_t handle;
	uint32_t room;                           /* of a fresh magazine */
	uint32_t nodes, shards;                  /* shards per node */
	size_t limit;                            /* objects; SIZE_MAX = none */
	fsy_pool_config_t config;
	char *depots;                            /* shards of each node, in its memory, */
	size_t depot_stride;                     /* ... that far apart */
	bool depots_spread;                      /* ... on pages of their own */
	uint16_t *order;                         /* nodes x nodes: by distance from each; NULL with one node */
	struct fsyi_pool_check *check;           /* checked pools */

	/* Under the registry's latch. */
	struct fsyi_pool *prev, *next;
	fsy_atomic_u32 pins;
	uint32_t pin_generation;                 /* pins of another have stayed behind at a fork */
	bool gone;

	/* Changes with every new magazine, or less often. */
	fsy_atomic_ptr chunks[FSYI_CHUNKS] __attribute__((aligned(128)));
	fsy_atomic_u32 made;
	fsy_atomic_i64 tick_at;

	/* Changes with every exchange. */
	fsy_atomic_u64 empties __attribute__((aligned(128)));
	fsy_atomic_u64 reserved;                 /* room given out, if there is a limit */
	struct {
		fsy_atomic_u64 created, destroyed, dropped, aged, own_depot, node_depot, remote_depot, victims, sent_home, ticks;
	} counts __attribute__((aligned(128)));
};

static inline void
fsyi_pool_count(fsy_atomic_u64 *counter, uint64_t by)
{
	if (by > 0)
		fsy_atomic_u64_add_rlx(counter, by);
}

static inline struct fsyi_pool_shard *
fsyi_pool_depot(const struct fsyi_pool *p, uint32_t node, uint32_t shard)
{
	return (struct fsyi_pool_shard *)(void *)(p->depots + node * p->depot_stride) + shard;
}

/* pool_depot.c: where magazines wait. A magazine that has objects of other nodes is sorted first. */
enum fsyi_generation { FSYI_FULL, FSYI_VICTIM };
void fsyi_depot_put(struct fsyi_pool *p, struct fsyi_magazine *m, enum fsyi_generation generation);
void fsyi_depot_merge(struct fsyi_pool *p, struct fsyi_magazine *single);
struct fsyi_magazine *fsyi_depot_take(struct fsyi_pool *p);
void *fsyi_depot_victim(struct fsyi_pool *p);
uint32_t fsyi_pool_node(const struct fsyi_pool *p);

/* pool_object.c: objects come and go; nobody is inside and no latch is held when these call the user. */
void *fsyi_object_new(struct fsyi_pool *p);
void fsyi_object_free(struct fsyi_pool *p, void *object);
uint32_t fsyi_object_node(const struct fsyi_pool *p, void *object);

/* What the calling thread finds between these two in its cell and seat stays as it is, but for a reaper's marks. */
static inline void
fsyi_seat_inside(struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	fsy_atomic_u32_store_rlx(&seat->inside, 1);
	fsy_atomic_u32_store_rlx(&cell->busy_, 1);
	FSY_LIGHT_BARRIER_();
}

static inline void
fsyi_seat_leave(struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell)
{
	fsy_atomic_u32_store_rel(&cell->busy_, 0);       /* J3 -> J4 */
	fsy_atomic_u32_store_rel(&seat->inside, 0);      /* J3 -> J4 */
}

/* The magazine in this word; from inside. A reaper's mark is wiped off, unless the reaper was faster and has claimed it, or wiped it off
 * itself. */
static inline struct fsyi_magazine *
fsyi_seat_magazine(fsy_atomic_ptr *word)
{
	void *seen = fsy_atomic_ptr_load_rlx(word), *plain;

	do
		plain = (void *)((uintptr_t)seen & ~(uintptr_t)1);
	while (FSY_UNLIKELY(seen != plain) && !fsy_atomic_ptr_cas_rlx(word, &seen, plain));
	return (struct fsyi_magazine *)plain;
}

/* pool_thread.c: tables. */
extern struct fsyi_pool_table fsyi_pool_nobody;
struct fsyi_pool_table *fsyi_pool_tables(void);             /* all */
bool fsyi_pool_table_dead(struct fsyi_pool_table *table);   /* its thread stayed behind at a fork */
bool fsyi_pool_table_alive(struct fsyi_pool_table *table);  /* it is known to be of this process */
struct fsyi_pool_seat *fsyi_seat_enter(struct fsyi_pool *p, struct fsy_pool_cell_ **cell);
/* These return an object that no magazine could be had for, or NULL. */
void *fsyi_pool_pack(struct fsyi_pool *p, struct fsyi_magazine *loaded, struct fsyi_magazine *previous, void *object,
		     enum fsyi_generation to);
void *fsyi_seat_strip(struct fsyi_pool *p, struct fsyi_pool_seat *seat, struct fsy_pool_cell_ *cell, enum fsyi_generation to);

/* pool_registry.c: which pools there are. A pinned pool is not freed. */
void fsyi_pool_enlist(struct fsyi_pool *p);
void fsyi_pool_retire(struct fsyi_pool *p);                             /* waits until nobody has it pinned; nobody will */
void fsyi_pool_delist(struct fsyi_pool *p);
struct fsyi_pool *fsyi_pool_pin_seat(struct fsyi_pool_seat *seat);      /* the pool of a seat, NULL = none */
struct fsyi_pool *fsyi_pool_pin_next(struct fsyi_pool *p);              /* unpins p; NULL: the first, the last */
void fsyi_pool_unpin(struct fsyi_pool *p);
void fsyi_pool_latch(void);
void fsyi_pool_unlatch(void);
bool fsyi_pool_trylatch(void);

/* pool_reap.c: taking what other threads keep. */
void fsyi_pool_reap(struct fsyi_pool *p);

/* pool_age.c */
size_t fsyi_pool_age(struct fsyi_pool *p);
size_t fsyi_pool_destroy_chain(struct fsyi_pool *p, struct fsyi_magazine *m);

#endif
