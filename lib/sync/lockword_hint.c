/* SPDX-License-Identifier: MIT */
/*
 * lockword_hint.c - whom to wake: the adaptive lock's guesses about nodes and CPUs.
 *
 * WORD    hint: bits 0-9 the searcher's CPU + 1, bits 10-15 the last contended owner's node + 1, modulo their width; 0 = unknown.
 *         busy: moving average, over the last 32 or so, of what arrivals saw a moment after the fast path failed, and searchers when they
 *         were woken: locked = 255; free, but by one who comes often = two thirds of that.
 * INVARIANTS
 *         H1  No answer is relied on: a wrong hint costs time, never a wake-up. Writers may lose each other's updates.
 *         H2  Preference is bounded by fsyi_queue_pick: a waiter is passed by less than a batch of younger ones.
 * ORDER   relaxed throughout: no answer is relied on.
 * REFS    waking for the owner's node: HBO, turnstiles per node; docs/numa.md, docs/adr/.
 */
#include "lockword_wait.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

/* The hint: searcher's CPU + 1 below, last contended owner's node + 1 above, modulo their width; 0 = unknown. Whoever writes
 * one field may lose the other's update: every reader can do without. */
enum { SEARCHER_CPU = 0, CPU_FIELD = 0x3ff, OWNER_NODE = 10, NODE_FIELD = 0x3f };

/* Measured with 2 threads: a lock whose owner comes back at once is found locked at the second look in 65 % of all cases (empty
 * sections) to 97 % (100 ns); one that is left alone for 200 ns between sections, in 3 to 7 %; for 100 ns, in 18 %. On an AMD Zen 5 empty sections:
 * 15 to 22 %, but then by those who come often. DOUBTED: how many samples that speak against a pressed lock count as one. */
enum { PRESSED = 255 * 2 / 5, OFTEN = 255 * 2 / 3, DOUBTED = 8 };

/* Of a lock with readers, 2 and 8 threads, sections of 280 ns: with 90 % reads it is found locked in 49 to 57 %, with 50 % in 55 to 75 %, with
 * 10 % in 80 to 88 %. A third of the first look, of 12 us, with 90 % reads: 4.7 to 5.2 million operations a second on 2 CPUs that share a cache, 3.7
 * to 3.8 on others. */
enum { MOSTLY_WRITTEN = 255 * 3 / 5, READ_LOOKS = 3 };

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

/* Not of a lock that is pressed: its searcher looks for the end of a tenure, whoever has it at the moment (sqlite under preload, 8 threads on one
 * connection, against libc: 0.90 to 0.93 if it slept, 0.96 to 1.05 as it is). */
bool
fsyi_lockword_holder_waits_for_me(const struct fsyi_lockword *lock, uint32_t seen)
{
	uint8_t where;

	if (lock->held == NULL || !(seen & LW_LOCKED) || fsyi_lockword_is_pressed(lock))
		return false;
	where = FSY_RAW_LOAD_(lock->held, __ATOMIC_RELAXED);
	return where > FSY_LW_HELD_ && where != fsyi_cpu_mark(-1) && where == fsyi_cpu_mark(fsyi_cpu());
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
fsyi_lockword_sample(const struct fsyi_lockword *lock, bool locked, bool often, int64_t now)
{
	struct fsyi_thread *self = fsyi_thread_self();
	int old = FSY_RAW_LOAD_(lock->busy, __ATOMIC_RELAXED);
	int busy = old + ((locked ? 255 : often ? OFTEN : 0) - old) / 32;

	if (often)
		fsyi_lockword_note_fight(lock, now);
	if (!locked && old > PRESSED && fsyi_lockword_is_fought_for(lock, now) && self != NULL && ++self->doubts % DOUBTED != 0)
		return;
	if (busy != old)
		FSY_RAW_STORE_(lock->busy, (uint8_t)busy, __ATOMIC_RELAXED);
}

bool
fsyi_lockword_is_pressed(const struct fsyi_lockword *lock)
{
	return FSY_RAW_LOAD_(lock->busy, __ATOMIC_RELAXED) > PRESSED;
}

/* Whoever stays away leaves the lock to its last owner for the sake of its cache lines. Among readers these go to and fro all the same, and a CPU
 * waits for nothing. Where most write it is as good as a mutex. */
int64_t
fsyi_lockword_first_look_ns(const struct fsyi_lockword *lock)
{
	if (lock->shared && FSY_RAW_LOAD_(lock->busy, __ATOMIC_RELAXED) < MOSTLY_WRITTEN)
		return fsyi_tune.first_look_ns / READ_LOOKS;
	return fsyi_tune.first_look_ns;
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
