/* SPDX-License-Identifier: MIT */
/*
 * lockword_hint.c - whom to wake: the adaptive lock's guesses about nodes and CPUs.
 *
 * WORD    hint: bits 0-9 the searcher's CPU + 1, bits 10-15 the last contended owner's node + 1, modulo their width; 0 = unknown.
 *         busy: moving average, over the last 32 or so, of what arrivals saw a moment after the fast path failed: locked = 255.
 * INVARIANTS
 *         H1  No answer is relied on: a wrong hint costs time, never a wake-up. Writers may lose each other's updates.
 *         H2  Preference is bounded by fsyi_queue_pick: a waiter is passed by less than a batch of younger ones.
 * ORDER   relaxed throughout: no answer is relied on.
 * REFS    waking for the owner's node: HBO, turnstiles per node; docs/numa.md, docs/adr/.
 */
#include "lockword_wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

/* The hint: searcher's CPU + 1 below, last contended owner's node + 1 above, modulo their width; 0 = unknown. Whoever writes
 * one field may lose the other's update: every reader can do without. */
enum { SEARCHER_CPU = 0, CPU_FIELD = 0x3ff, OWNER_NODE = 10, NODE_FIELD = 0x3f };

/* Measured with 2 threads: a lock whose owner comes back at once is found locked at the second look in 65 % of all cases (empty
 * sections) to 97 % (100 ns); one that is left alone for 200 ns between sections, in 3 to 7 %; for 100 ns, in 18 %. */
enum { PRESSED = 255 * 2 / 5 };

/*
 * Moving averages, by address, of what threads got for looking, at most SHORT_NS or longer: nothing = 255. The holder of a lock that keeps it
 * for long, or does not run, perhaps for want of the CPU of the one who looks, is not found to be through however long one looks. Above VAIN,
 * so if less than about one in five gets something for it, nobody looks so long but every PROBE-th searcher; if a short look is in vain as
 * well, nobody looks at all but every RARE_PROBE-th: a thread may be about to wake another that waits for its CPU.
 */
enum { VAIN_BITS = 12, VAIN = 128, HOPELESS = 224, COST = 16, GAIN = 4, PROBE = 64, RARE_PROBE = 256, SHORT_NS = 1000 };
static uint8_t vain[1 << VAIN_BITS], vain_short[1 << VAIN_BITS];

static size_t
cell(const struct fsyi_lockword *lock)
{
	return fsy_attention_slot_(lock->word) >> (FSY_ATTENTION_BITS_ - VAIN_BITS);
}

bool
fsyi_lockword_is_vain(const struct fsyi_lockword *lock)
{
	return FSY_RAW_LOAD_(&vain[cell(lock)], __ATOMIC_RELAXED) > VAIN;
}

bool
fsyi_lockword_is_hopeless(const struct fsyi_lockword *lock)
{
	return FSY_RAW_LOAD_(&vain[cell(lock)], __ATOMIC_RELAXED) > HOPELESS && FSY_RAW_LOAD_(&vain_short[cell(lock)], __ATOMIC_RELAXED) > VAIN;
}

int64_t
fsyi_lockword_search_ns(const struct fsyi_lockword *lock)
{
	struct fsyi_thread *self = fsyi_thread_self();

	if (!fsyi_lockword_is_vain(lock) || self == NULL || ++self->searches % (fsyi_lockword_is_hopeless(lock) ? RARE_PROBE : PROBE) == 0)
		return fsyi_tune.spin_ns + fsyi_lockword_patience_ns(lock) - fsyi_tune.patience_ns;
	if (fsyi_lockword_is_hopeless(lock))
		return 0;
	return fsyi_tune.spin_ns < SHORT_NS ? fsyi_tune.spin_ns : SHORT_NS;
}

static void
average(uint8_t *value, bool paid)
{
	int old = FSY_RAW_LOAD_(value, __ATOMIC_RELAXED);
	int now = paid ? old - (old + GAIN - 1) / GAIN : old + (255 - old + COST - 1) / COST;

	if (now != old)
		FSY_RAW_STORE_(value, (uint8_t)now, __ATOMIC_RELAXED);
}

void
fsyi_lockword_note_search(const struct fsyi_lockword *lock, int64_t took, bool paid)
{
	if (took > SHORT_NS)
		average(&vain[cell(lock)], paid);
	/* Whoever did not wait found out nothing; and while long looks pay, nobody asks: a store costs its line. */
	if (fsyi_lockword_is_vain(lock) && (took >= SHORT_NS || (paid && took > 0)))
		average(&vain_short[cell(lock)], took < SHORT_NS);
}

/*
 * The holder that is not waited for awake may want this very CPU. Then a few yields, at a switch each, save a sleep and a wake-up, and the holder
 * is not kept waiting. Moving averages, by address, of what they took, in YIELD_UNIT_NS, those that did not free the lock VAIN_YIELD_NS more:
 * these are given up as soon as somebody else wants the CPU, too. Above DEAR_YIELD_NS, as where others keep it for their time slice, that is tried
 * for a SELDOM-th part of the time.
 */
enum { MOST_YIELDS = 4, YIELD_UNIT_NS = 2000, YIELD_WEIGHT = 16, VAIN_YIELD_NS = 100000, DEAR_YIELD_NS = 120000, SELDOM = 64 };
static uint8_t yields[1 << VAIN_BITS];
static int64_t yield_at[1 << VAIN_BITS];

bool
fsyi_lockword_let_run(const struct fsyi_lockword *lock, uint32_t *seen)
{
	uint8_t *average_ns = &yields[cell(lock)];
	int64_t *again_at = &yield_at[cell(lock)];
	int64_t start = fsyi_now(), now = start, took, old = FSY_RAW_LOAD_(average_ns, __ATOMIC_RELAXED) * YIELD_UNIT_NS;

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
 * section's data over from the last one's CPU: tenures should be worth that. Of sections that are too long to be waited for awake it says nothing.
 */
enum { REST_UNIT_NS = 64, REST_MOST_NS = 8000, REST_WEIGHT = 8, SECTIONS = 128 };
static uint8_t rests[1 << VAIN_BITS];

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
	int old = FSY_RAW_LOAD_(average_rest, __ATOMIC_RELAXED), now = rest > REST_MOST_NS ? 0 : (int)(rest / REST_UNIT_NS);
	int value = old + (now - old) / REST_WEIGHT + (now > old) - (now < old);

	if (now != old)
		FSY_RAW_STORE_(average_rest, (uint8_t)value, __ATOMIC_RELAXED);
}

static void
set_hint(const struct fsyi_lockword *lock, int field, int shift, int value)
{
	int old = FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED);
	int hint = (old & ~(field << shift)) | ((value + 1) & field) << shift;

	if (hint != old)
		FSY_RAW_STORE_(lock->hint, (uint16_t)hint, __ATOMIC_RELAXED);
}

static bool
hint_says(const struct fsyi_lockword *lock, int field, int shift, int value)
{
	return (FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED) >> shift & field) == ((value + 1) & field);
}

void
fsyi_lockword_i_search(const struct fsyi_lockword *lock)
{
	set_hint(lock, CPU_FIELD, SEARCHER_CPU, fsyi_cpu());
}

bool
fsyi_lockword_searcher_waits_for_me(const struct fsyi_lockword *lock)
{
	return hint_says(lock, CPU_FIELD, SEARCHER_CPU, fsyi_cpu());
}

int
fsyi_lockword_i_own(const struct fsyi_lockword *lock)
{
	int node = fsyi_node() % NODE_FIELD;

	set_hint(lock, NODE_FIELD, OWNER_NODE, node);
	return node;
}

int
fsyi_lockword_owner_node(const struct fsyi_lockword *lock)
{
	return (FSY_RAW_LOAD_(lock->hint, __ATOMIC_RELAXED) >> OWNER_NODE & NODE_FIELD) - 1;
}

/* Whom to wake: somebody of the node that has the lock, and a thread for whom there is a CPU. A thread that is about to sleep
 * leaves its own; one that goes on running does not. */
struct fsyi_thread *
fsyi_lockword_choose(struct fsyi_scene *scene, const struct fsyi_lockword *lock, bool leaving, bool strict)
{
	struct fsyi_preference preference = { fsyi_lockword_owner_node(lock), fsyi_cpu(), !leaving, strict };

	return fsyi_queue_pick(scene->queue, preference);
}

/* Makes a sleeper the searcher. In case the owner is in its way all the same, the next unlock is asked to come by. */
void
fsyi_lockword_wake_searcher(struct fsyi_scene *scene, const struct fsyi_lockword *lock, struct fsyi_thread *sleeper)
{
	set_hint(lock, CPU_FIELD, SEARCHER_CPU, sleeper->cpu);
	fsyi_scene_wake(scene, sleeper, FSYI_TOKEN_NORMAL);
	if (scene->queue != NULL)
		fsyi_queue_arm(scene->queue);
}

void
fsyi_lockword_sample(const struct fsyi_lockword *lock, bool locked)
{
	int old = FSY_RAW_LOAD_(lock->busy, __ATOMIC_RELAXED);
	int busy = old + ((locked ? 255 : 0) - old) / 32;

	if (busy != old)
		FSY_RAW_STORE_(lock->busy, (uint8_t)busy, __ATOMIC_RELAXED);
}

bool
fsyi_lockword_is_pressed(const struct fsyi_lockword *lock)
{
	return FSY_RAW_LOAD_(lock->busy, __ATOMIC_RELAXED) > PRESSED;
}

/* Two threads of different nodes alternate: the one that is not of the owner's node changes places as soon as it can. */
bool
fsyi_lockword_is_mixed(const struct fsyi_lockword *lock)
{
	int owner = fsyi_lockword_owner_node(lock);

	return owner >= 0 && owner != fsyi_node() % NODE_FIELD;
}

bool
fsyi_lockword_may_turn(const struct fsyi_lockword *lock, int64_t now)
{
	return now >= fsy_atomic_i64_load_rlx(&fsyi_lot_bucket(lock->lot, lock->word)->turn_hint) ||
	       fsyi_lockword_is_mixed(lock);
}
