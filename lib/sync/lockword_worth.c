/* SPDX-License-Identifier: MIT */
/*
 * lockword_worth.c - what waiting awake is worth: how long the adaptive lock's searcher looks, yields, and lets others barge.
 *
 * WORD    none in the lock: moving averages by its address, a byte or two each; locks whose addresses collide share them.
 * INVARIANTS
 *         W1  No answer is relied on: a wrong one costs time, never a wake-up. Writers may lose each other's updates.
 *         W2  Whatever has not paid is tried again: every so many searches, or after so many times what it took.
 *         W3  While looks pay, nothing is stored that can be left out: a store costs the new owner the line.
 * ORDER   relaxed throughout: no answer is relied on.
 * REFS    spinning by what it has brought so far: Karlin, Li, Manasse & Owicki 1991; docs/adr/.
 */
#include "lockword_wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

enum { CELL_BITS = 12, CELLS = 1 << CELL_BITS };

static size_t
cell(const struct fsyi_lockword *lock)
{
	return fsy_attention_slot_(lock->word) >> (FSY_ATTENTION_BITS_ - CELL_BITS);
}

/* Towards 255 by one in cost, or towards 0 by one in gain. */
static int
average(uint8_t *value, bool paid, int gain, int cost)
{
	int old = FSY_RAW_LOAD_(value, __ATOMIC_RELAXED);
	int now = paid ? old - (old + gain - 1) / gain : old + (255 - old + cost - 1) / cost;

	if (now != old)
		FSY_RAW_STORE_(value, (uint8_t)now, __ATOMIC_RELAXED);
	return now;
}

/*
 * Moving averages, by address, of what threads got for looking, at most SHORT_NS or longer: nothing = 255. The holder of a lock that keeps it
 * for long, or does not run, perhaps for want of the CPU of the one who looks, is not found to be through however long one looks. Above VAIN,
 * so if less than about one in five gets something for it, nobody looks so long but every PROBE-th of them; if a short look is in vain as
 * well, nobody looks at all but every RARE_PROBE-th: a thread may be about to wake another that waits for its CPU.
 */
enum { VAIN = 128, COST = 16, GAIN = 4, PROBE = 61, RARE_PROBE = 251, SHORT_NS = 1000 };
static uint8_t vain[CELLS], vain_short[CELLS];
static bool told[CELLS];                /* looks at this holder were in vain: everybody meets one that does not run, and it is but one */
static uint8_t unprobed[CELLS];         /* searches since the last probe, whosever: of a thousand threads each searches but seldom */

bool
fsyi_lockword_is_vain(const struct fsyi_lockword *lock)
{
	return FSY_RAW_LOAD_(&vain[cell(lock)], __ATOMIC_RELAXED) > VAIN;
}

bool
fsyi_lockword_is_hopeless(const struct fsyi_lockword *lock)
{
	return fsyi_lockword_is_vain(lock) && FSY_RAW_LOAD_(&vain_short[cell(lock)], __ATOMIC_RELAXED) > VAIN;
}

static bool
is_probe(const struct fsyi_lockword *lock)
{
	uint8_t *count = &unprobed[cell(lock)];
	int now = FSY_RAW_LOAD_(count, __ATOMIC_RELAXED) + 1;
	bool probe = now >= (fsyi_lockword_is_hopeless(lock) ? RARE_PROBE : PROBE);

	FSY_RAW_STORE_(count, (uint8_t)(probe ? 0 : now), __ATOMIC_RELAXED);
	return probe;
}

int64_t
fsyi_lockword_search_ns(const struct fsyi_lockword *lock)
{
	if (!fsyi_lockword_is_vain(lock) || fsyi_thread_self() == NULL || is_probe(lock))
		return fsyi_tune.spin_ns + fsyi_lockword_patience_ns(lock) - fsyi_tune.patience_ns;
	if (fsyi_lockword_is_hopeless(lock))
		return 0;
	return fsyi_tune.spin_ns < SHORT_NS ? fsyi_tune.spin_ns : SHORT_NS;
}

void
fsyi_lockword_note_release(const struct fsyi_lockword *lock)
{
	if (FSY_RAW_LOAD_(&told[cell(lock)], __ATOMIC_RELAXED))
		FSY_RAW_STORE_(&told[cell(lock)], false, __ATOMIC_RELAXED);
}

/* Whether it says more than the last one did. */
static bool
is_news(const struct fsyi_lockword *lock, bool paid)
{
	bool known = FSY_RAW_LOAD_(&told[cell(lock)], __ATOMIC_RELAXED);

	if (!paid && !known)
		FSY_RAW_STORE_(&told[cell(lock)], true, __ATOMIC_RELAXED);
	return paid || !known;
}

void
fsyi_lockword_note_search(const struct fsyi_lockword *lock, int64_t took, bool paid)
{
	if (!is_news(lock, paid))
		return;
	if (took > SHORT_NS)
		average(&vain[cell(lock)], paid, GAIN, COST);
	/* Whoever did not wait found out nothing; and while long looks pay, nobody asks: a store costs its line. */
	if (fsyi_lockword_is_vain(lock) && (took >= SHORT_NS || (paid && took > 0)))
		average(&vain_short[cell(lock)], took < SHORT_NS, GAIN, COST);
}

/*
 * Moving averages, by address, of those that were woken: found the lock held again = 255. If that is what more than half of them find,
 * a wake-up and a sleep for nothing at every unlock are too many.
 */
enum { LATE = 128, LATE_WEIGHT = 16 };
static uint8_t late[CELLS];

bool
fsyi_lockword_wakes_late(const struct fsyi_lockword *lock, bool held)
{
	return average(&late[cell(lock)], !held, LATE_WEIGHT, LATE_WEIGHT) > LATE;
}

/* Until when a lock counts as fought for, by address: while it passes for pressed its arrivals are too few to tell. To be found so again takes some
 * hundred microseconds of fighting: little beside FOUGHT_NS. */
enum { FOUGHT_NS = 10000000 };
static int64_t fought_until[CELLS];

void
fsyi_lockword_note_fight(const struct fsyi_lockword *lock, int64_t now)
{
	if (now + FOUGHT_NS / 2 > FSY_RAW_LOAD_(&fought_until[cell(lock)], __ATOMIC_RELAXED))   /* W3 */
		FSY_RAW_STORE_(&fought_until[cell(lock)], now + FOUGHT_NS, __ATOMIC_RELAXED);
}

bool
fsyi_lockword_is_fought_for(const struct fsyi_lockword *lock, int64_t now)
{
	return now < FSY_RAW_LOAD_(&fought_until[cell(lock)], __ATOMIC_RELAXED);
}

/*
 * The holder that is not waited for awake may want this very CPU. Then a few yields, at a switch each, save a sleep and a wake-up, and the holder
 * is not kept waiting. Moving averages, by address, of what they took, in YIELD_UNIT_NS, those that did not free the lock VAIN_YIELD_NS more:
 * these are given up as soon as somebody else wants the CPU, too. Above DEAR_YIELD_NS, as where others keep it for their time slice, that is tried
 * for a SELDOM-th part of the time.
 */
enum { MOST_YIELDS = 4, YIELD_UNIT_NS = 2000, YIELD_WEIGHT = 16, VAIN_YIELD_NS = 100000, DEAR_YIELD_NS = 120000, SELDOM = 64 };
static uint8_t yields[CELLS];
static int64_t yield_at[CELLS];

bool
fsyi_lockword_let_run(const struct fsyi_lockword *lock, uint32_t *seen)
{
	uint8_t *average_ns = &yields[cell(lock)];
	int64_t *again_at = &yield_at[cell(lock)];
	int64_t start, now, took, old = FSY_RAW_LOAD_(average_ns, __ATOMIC_RELAXED) * YIELD_UNIT_NS;

	if (!(*seen & LW_LOCKED))               /* whoever did not wait found out nothing */
		return true;
	start = now = fsyi_now();
	if (old > DEAR_YIELD_NS && start < FSY_RAW_LOAD_(again_at, __ATOMIC_RELAXED))
		return false;
	for (int i = 0; i < MOST_YIELDS && now - start < DEAR_YIELD_NS && (*seen & LW_LOCKED); i++) {
		fsyi_yield();
		*seen = fsy_atomic_u32_load_rlx(lock->word);
		now = fsyi_now();
	}
	took = now - start + (*seen & LW_LOCKED ? VAIN_YIELD_NS : 0);
	if (took > 255 * YIELD_UNIT_NS)
		took = 255 * YIELD_UNIT_NS;
	took = old + (took - old) / YIELD_WEIGHT + (took > old ? YIELD_UNIT_NS - 1 : 0);
	FSY_RAW_STORE_(average_ns, (uint8_t)(took / YIELD_UNIT_NS), __ATOMIC_RELAXED);
	if (took > DEAR_YIELD_NS)
		FSY_RAW_STORE_(again_at, now + SELDOM * (now - start), __ATOMIC_RELAXED);
	return !(*seen & LW_LOCKED);
}

/*
 * Moving averages, by address, of what was left of a section when the searcher barred the lock, in REST_UNIT_NS. The next owner brings the
 * section's data over from the last one's CPU: tenures should be worth that. REST_LEAST_NS: so long it takes at most until the searcher has the lock,
 * however short the section, by its own looks and the way of a line (450 to 700 ns on average, 2-CPU VM). Of sections that are too long to be
 * waited for awake it says nothing.
 */
enum { REST_UNIT_NS = 64, REST_LEAST_NS = 700, REST_MOST_NS = 8000, REST_WEIGHT = 8, SECTIONS = 192 };
static uint8_t rests[CELLS];

static uint8_t *
rest_of(const struct fsyi_lockword *lock)
{
	return &rests[cell(lock)];
}

int64_t
fsyi_lockword_patience_ns(const struct fsyi_lockword *lock)
{
	int64_t patience = (int64_t)FSY_RAW_LOAD_(rest_of(lock), __ATOMIC_RELAXED) * REST_UNIT_NS * SECTIONS;

	if (patience > fsyi_tune.patience_max_ns)
		patience = fsyi_tune.patience_max_ns;
	return patience > fsyi_tune.patience_ns ? patience : fsyi_tune.patience_ns;
}

void
fsyi_lockword_note_rest(const struct fsyi_lockword *lock, int64_t rest)
{
	uint8_t *average_rest = rest_of(lock);
	bool is_short = rest < REST_LEAST_NS, is_too_long = rest > REST_MOST_NS;
	int old = FSY_RAW_LOAD_(average_rest, __ATOMIC_RELAXED);
	int now = is_short || is_too_long ? 0 : (int)((rest - REST_LEAST_NS) / REST_UNIT_NS);
	int value = old + (now - old) / REST_WEIGHT + (now > old) - (now < old);

	if (now != old)
		FSY_RAW_STORE_(average_rest, (uint8_t)value, __ATOMIC_RELAXED);
}

/*
 * For a searcher that waits for the unlocker's own CPU the lock is barred once a turn. Where others want that CPU too, everybody waits for those as
 * well: then that may be so for one part in BAR_SHARE + 1 of the time. DEAR_BAR_NS: a switch, and the threads of this CPU that find the bar and go to
 * sleep one by one, take some 10 to 300 us; a time slice of another program, 3 ms and more.
 */
enum { BAR_SHARE = 4, DEAR_BAR_NS = 500000, DEAREST_BAR_NS = 10000000 };
static int64_t barred_at[CELLS], bar_again_at[CELLS];

bool
fsyi_lockword_may_bar(const struct fsyi_lockword *lock, int64_t now)
{
	return now >= FSY_RAW_LOAD_(&bar_again_at[cell(lock)], __ATOMIC_RELAXED);
}

void
fsyi_lockword_i_bar(const struct fsyi_lockword *lock, int64_t now)
{
	FSY_RAW_STORE_(&barred_at[cell(lock)], now, __ATOMIC_RELAXED);
}

void
fsyi_lockword_note_bar(const struct fsyi_lockword *lock, int64_t now)
{
	int64_t since = FSY_RAW_LOAD_(&barred_at[cell(lock)], __ATOMIC_RELAXED), took = now - since;

	if (since == 0)                         /* a fair unlock's bar */
		return;
	FSY_RAW_STORE_(&barred_at[cell(lock)], 0, __ATOMIC_RELAXED);
	if (took > DEAR_BAR_NS)
		FSY_RAW_STORE_(&bar_again_at[cell(lock)], now + BAR_SHARE * (took < DEAREST_BAR_NS ? took : DEAREST_BAR_NS), __ATOMIC_RELAXED);
}
