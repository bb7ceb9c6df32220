/* SPDX-License-Identifier: MIT */
/*
 * load.h - one load per primitive: turns that any thread may take at any time, in any number and in any company, each checking what it sees; and an
 * audit when all threads are gone. The programs that run them decide what else happens meanwhile: faults, signals, forks, threads that end.
 */
#ifndef TEST_LOAD_H
#define TEST_LOAD_H

#include <fastsync/atomic.h>
#include <fastsync/time.h>
#include <pthread.h>

/* A thread that takes turns. */
struct hand {
	pthread_t thread;
	uint64_t random;
	bool may_die;                    /* may be cancelled in the midst of a turn, or asked to end there: see load_mortal */
	bool ends;                       /* a turn has decided that the thread ends now, with what it holds */
	fsy_atomic_u32 state;            /* for those who run the hands */
};

struct load {
	const char *name;
	void (*begin)(void);             /* afresh, whatever it was: nobody uses it */
	void (*turn)(struct hand *hand);
	void (*rescue)(void);            /* NULL, or: lets threads go that wait without a deadline; called again and again by who waits for them */
	const char *(*audit)(void);      /* nobody uses it: NULL, or what is wrong. Ends it */
	void (*dump)(void);              /* its words, on stderr, while anybody uses it */
};

/* NULL at the end. */
extern const struct load *const loads[];
extern const struct load load_mutex, load_poison, load_rwmutex, load_fair, load_once, load_lazy, load_pool, load_waitgroup, load_cond, load_barrier;

/* Finished turns of each, by place in loads[]. */
enum { LOADS_MOST = 16 };
extern fsy_atomic_u64 load_turns[LOADS_MOST];

/* One turn of loads[i]. */
void load_turn(int i, struct hand *hand);

/* For a turn: here the thread may end, with all that it holds. Returns if it does not; true: the turn is over, and the hand will end. */
bool load_mortal(struct hand *hand);

/* True once in so many times; a deadline from the past to within a few hundred microseconds, or never where that is allowed. */
bool load_chance(struct hand *hand, uint32_t once_in);
uint32_t load_below(struct hand *hand, uint32_t limit);
fsy_deadline_t load_deadline(struct hand *hand);

/* A moment inside a section, so that others come: mostly none. */
void load_dawdle(struct hand *hand);

/* What is false is printed (the first few), and counted. */
#define LOAD_CHECK(condition) \
	do { \
		if (!(condition)) \
			load_failed(#condition, __FILE__, __LINE__); \
	} while (0)
void load_failed(const char *condition, const char *file, int line);
uint32_t load_failures(void);

/* A dump's line, written at once. */
void load_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For a test of whoever watches: somebody in the mutex's load keeps a lock for ever. */
void load_hang(void);

/* Ends all of them; prints what is wrong. True: nothing is, and nobody is left in the lot. */
bool loads_audit(void);

#endif
