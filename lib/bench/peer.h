/* SPDX-License-Identifier: MIT */
/*
 * peer.h - what the harness asks of an implementation under test. Our own locks, glibc's and every foreign
 * library's are described by the same record; a foreign library sits in a module of its own
 * (fastsync-peer-NAME.so, built when its toolchain or headers are present) that exports fsyb_peer(). Same work, same
 * clock, same statistics everywhere: a module only supplies the loop, written idiomatically in its own language
 * so that its fast path is inlined exactly as its users get it.
 *
 * Go cannot be loaded into a C process; lib/bench/peers/go is a co-process that answers the same questions over a pipe
 * (protocol: lib/bench/peers/go/PROTOCOL.md), and its loops are the same.
 */
#ifndef FSYB_PEER_H
#define FSYB_PEER_H

#include <stddef.h>
#include <stdint.h>

#define FSYB_PEER_ABI 1

/* One per worker thread, on cache lines of its own. The harness fills it in; the loop writes ops, writes and the
 * histogram. */
struct fsyb_worker {
	const volatile uint32_t *stop; /* run until *stop != 0 ... */
	uint64_t limit;                /* ... or until ops == limit, if limit != 0 */
	volatile uint64_t ops;         /* operations completed; kept current (a plain store per operation) for snapshots */
	uint64_t writes;               /* of which writes, in rw loops */
	uint32_t section;              /* work inside the lock: dependent multiplications ON the protected datum */
	uint32_t outside;              /* work between operations, likewise on a private datum */
	uint32_t write_permille;       /* rw loops: share of writes, drawn from random */
	uint32_t batch;                /* pool loops and others: their own parameter */
	uint64_t random;               /* xorshift64 state, nonzero */
	uint64_t *histogram;           /* latency runs: every acquire is stamped and counted here; else NULL */
	uint64_t longest_ns;           /* latency runs: the longest acquire */
	uint32_t index, threads;
	uint64_t reserved[4];          /* 0: loop.h; 1: hold loops: a struct fsyb_hold *, or 0 */
} __attribute__((aligned(128)));

/* What a hold loop calls, if it is there: before it asks for the lock, when it has it (returns when it has been held for long enough),
 * and after it has given it back. */
struct fsyb_hold {
	void (*ask)(struct fsyb_hold *hold);
	void (*held)(struct fsyb_hold *hold, int write);
	void (*left)(struct fsyb_hold *hold);
};

/* Log-linear latency buckets: 8 per power of two of nanoseconds (12 % wide). */
#define FSYB_HISTOGRAM 512
static inline unsigned
fsyb_bucket(uint64_t ns)
{
	unsigned high;

	if (ns < 8)
		return (unsigned)ns;
	high = 63u - (unsigned)__builtin_clzll(ns);
	return (high - 2) * 8 + (unsigned)((ns >> (high - 3)) & 7);
}

/* The work: multiplications that each depend on the one before, on the value given (see docs/bench.md). The loop as well is spelled out, so that
 * it is the same instructions everywhere: a core that looks ahead over fewer of them sees the next lock sooner, and asks for its line. */
static inline uint64_t
fsyb_work(uint64_t value, uint32_t count)
{
	if (count == 0)
		return value;
#if defined(__x86_64__)
	__asm__ volatile(".p2align 4\n1:\timulq $1, %0, %0\n\tdecl %1\n\tjnz 1b" : "+r"(value), "+r"(count) : : "cc");
#else
	__asm__ volatile(".p2align 4\n1:\tmul %0, %0, %2\n\tsubs %w1, %w1, #1\n\tb.ne 1b" : "+r"(value), "+r"(count) : "r"((uint64_t)1) : "cc");
#endif
	return value;
}

/* Kinds of object; each kind has one loop shape, described in docs/bench.md and kept the same in every language. */
#define FSYB_MUTEX  "mutex"   /* lock; datum = work(datum + 1, section); unlock; work(private, outside) */
#define FSYB_RW     "rw"      /* rlock; read two words, work; runlock | lock; bump both, work; unlock */
#define FSYB_HOLD   "hold"    /* the rw loop, with struct fsyb_hold around and inside its sections: who starves whom */
#define FSYB_ATOMIC "atomic"  /* shared counter += 1, seq_cst */
#define FSYB_ONCE   "once"    /* the done path */
#define FSYB_POOL   "pool"    /* get 1 KB, touch its first and last line, put */
#define FSYB_ARRAY  "array"   /* a million bare locks; lock, unlock one drawn at random; create uses each once */
#define FSYB_FETCH_MAX "fetch_max" /* shared = max(shared, own count), seq_cst */
#define FSYB_FETCH_MIN "fetch_min"
#define FSYB_SLEEPERS "sleepers" /* the mutex loop, while threads sleep on 1,000 other locks; ours only */
#define FSYB_COND      "cond"      /* two by two, in turns: wait for one's own, signal the other's */
#define FSYB_BROADCAST "broadcast" /* one wakes all others by its condition variable and waits for their answers */
#define FSYB_WAITGROUP "waitgroup" /* two by two, in turns: wait for the own group, close it, open the other's */
#define FSYB_FANOUT    "fanout"    /* as broadcast, by wait groups; the datum counts what was wrong */
#define FSYB_BARRIER   "barrier"   /* all wait for all; the datum counts what was wrong */
#define FSYB_HANDED    "handed"    /* two by two: one gets 1 KB, the other puts it; the datum counts what was wrong */
#define FSYB_MILLION   "million"   /* a million bare objects, each used once by create; no loop */
#define FSYB_EMPTY  "empty"   /* a kind's loop with nothing in it, named "empty KIND": what the loop itself costs */
#define FSYB_LIMIT  "limit"   /* not a lock: the least instructions a lock could consist of, in the mutex loop */

struct fsyb_impl {
	const char *kind;        /* one of the above */
	const char *name;        /* "rust std", "glibc adaptive" ... as printed */
	const char *version;     /* of the library or compiler, as printed above the table */
	size_t bytes;            /* size of one object as a user declares it, without payload; 0 = not meaningful */
	int parks;               /* nonzero if waiters sleep: spin-only locks are shown but are not "the best parking peer" */
	unsigned max_threads;    /* 0 = no limit; spin-only FIFO locks cannot be run with more threads than CPUs */
	void *(*create)(unsigned threads);
	void (*destroy)(void *object);
	void (*run)(void *object, struct fsyb_worker *worker); /* the loop; called once in each worker thread */
	uint64_t (*datum)(void *object);                       /* the protected counter, for the check that no operation was lost; NULL = no check */
	int foreign;             /* one of these: */
};

enum {
	FSYB_OURS,
	FSYB_PEER,     /* another library's */
	FSYB_REFERENCE /* not the same thing, but something to aim at: printed, never "the best peer" */
};

/* Exported by every module: its implementations, ending with kind == NULL. */
typedef const struct fsyb_impl *(*fsyb_peer_fn)(int abi);
const struct fsyb_impl *fsyb_peer(int abi);

#endif
