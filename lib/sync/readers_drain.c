/* SPDX-License-Identifier: MIT */
/*
 * readers_drain.c - a writer that has stopped new readers waits for those that are there.
 *
 * WORD, STATES, INVARIANTS D1..D5, ORDER, LIFETIME: those of readers.c.
 */
#include "readers_line.h"
#include <fastsync/error.h>
#include "../park/wait.h"
#include "../sys/clock.h"
#include "../sys/cpu.h"
#include "../sys/tune.h"

/* For how many waits a crowd is remembered. */
enum { LOOKS_PER_CLOCK = 8, CROWD_WAITS = 64 };

struct drain {
	fsy_atomic_u32 *count;
	fsy_deadline_t deadline;
	int64_t spin_until;             /* 0 = not yet spun: the readers of all lines together get one spin */
	fsy_atomic_ptr *slot;           /* which one is waited for; NULL = the count */
};

static __thread int crowd __attribute__((tls_model("initial-exec")));

void
fsyi_reader_met_crowd(void)
{
	crowd = CROWD_WAITS;
}

bool
fsyi_reader_in_crowd(void)
{
	return crowd > 0;
}

int64_t
fsyi_reader_patience(void)
{
	if (fsyi_cpu_count() == 1)
		return 0;
	if (crowd == 0)
		return fsyi_tune.spin_ns;
	crowd--;
	return fsyi_tune.brief_spin_ns;
}

static bool
pending(void *arg)
{
	const struct drain *drain = (const struct drain *)arg;

	if (drain->slot != NULL)
		return fsy_atomic_ptr_load_acq(drain->slot) == drain->count;                    /* S2 <- S1 */
	return (fsy_atomic_u32_load_acq(drain->count) & READERS_COUNT) != 0;                    /* S5 <- S3 */
}

static bool
enlist(struct fsyi_scene *scene, void *arg)
{
	const struct drain *drain = (const struct drain *)arg;

	(void)scene;
	if (drain->slot != NULL)
		return fsy_atomic_ptr_load_rlx(drain->slot) == drain->count;
	return (fsy_atomic_u32_or(drain->count, READERS_DRAINING) & READERS_COUNT) != 0;
}

/* A reader's section is short more often than not; the first looks come close together. */
static bool
spin(struct drain *drain)
{
	int64_t now;

	for (int i = 1; pending(drain); i++) {
		fsyi_relax();
		if (i % LOOKS_PER_CLOCK != 0)
			continue;
		now = fsyi_now();
		if (drain->spin_until == 0)
			drain->spin_until = now + fsyi_reader_patience();
		if (now >= drain->spin_until || fsyi_over(drain->deadline, now))
			return false;
	}
	return true;
}

static int
wait_for(struct drain *drain)
{
	static const struct fsyi_word_op op = { .kind = FSYI_KIND_WORD, .pending = pending, .enlist = enlist };

	if (!pending(drain) || spin(drain))
		return 0;
	fsyi_reader_met_crowd();
	return fsyi_word_wait(&fsyi_lot, drain_key(drain->count), &op, drain, drain->deadline) == FSYI_WAIT_TIMEDOUT ? FSY_ETIMEDOUT : 0;
}

/* A line whose slot names the lock. */
static int
drain_line(struct fsy_reader_ *line, struct drain *drain)
{
	int error;

	if (spin(drain))
		return 0;
	if (fsyi_over(drain->deadline, fsyi_now()))
		return FSY_ETIMEDOUT;
	fsy_atomic_u32_or_rlx(drain->count, READERS_DRAINING);
	fsy_atomic_u32_add(&line->alert, ALERT_SLEEPER);
	fsyi_readers_heavy_fence(drain->count);
	error = wait_for(drain);
	fsy_atomic_u32_add(&line->alert, 0u - (uint32_t)ALERT_SLEEPER);
	fsy_atomic_u32_and_rlx(drain->count, ~READERS_DRAINING);
	return error;
}

int
fsyi_readers_drain_slots(fsy_atomic_u32 *count, fsy_deadline_t deadline)
{
	struct drain drain = { .count = count, .deadline = deadline };
	struct reader_walk walk = walk_lines();
	struct fsy_reader_ *line;
	uint32_t index = slot_index(count);
	int error = 0;

	while ((line = walk_next(&walk)) != NULL) {
		drain.slot = &line->slot[index];
		if (FSY_LIKELY(fsy_atomic_ptr_load(drain.slot) != count))                       /* S2 <- S1 */
			continue;
		error = drain_line(line, &drain);
		if (error != 0)
			return error;
	}
	return 0;
}

int
fsyi_readers_drain_count(fsy_atomic_u32 *count, fsy_deadline_t deadline)
{
	struct drain drain = { .count = count, .deadline = deadline };
	int error = wait_for(&drain);

	if (fsy_atomic_u32_load_rlx(count) & READERS_DRAINING)
		fsy_atomic_u32_and_rlx(count, ~READERS_DRAINING);
	return error;
}
