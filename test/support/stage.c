/* SPDX-License-Identifier: MIT */
#include "stage.h"
#include "lib/sys/clock.h"
#include "lib/sys/cpu.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

void
stage_set(struct stage *stage, bool due)
{
	int cpu = fsyi_cpu();
	cpu_set_t here;

	memset(stage, 0, sizeof *stage);
	CPU_ZERO(&here);
	CPU_SET((size_t)cpu, &here);
	assert_int_equal(sched_setaffinity(0, sizeof here, &here), 0);
	crowd_make(&stage->crowd, 2);
	stage->lot = (struct fsyi_lot){ &stage->crowd.bucket, FSY_ATTENTION_BITS_ };
	stage->lock = (struct fsyi_lockword){ .lot = &stage->lot, .word = &stage->word, .held = &stage->held,
					       .busy = &stage->busy, .hint = &stage->hint };
	for (int i = 0; i < 2; i++) {
		stage->crowd.people[i].kind = FSYI_KIND_LOCK;
		fsy_atomic_u32_store_rlx(&stage->crowd.people[i].park, 1);
		crowd_join(&stage->crowd, i, &stage->word, 0, cpu + i, false);
	}
	fsyi_queue_find(&stage->crowd.bucket, &stage->word)->turn_at = due ? 0 : INT64_MAX;
	fsy_atomic_u32_store_rlx(&stage->word, LW_QUEUED);
}

void
stage_clear(struct stage *stage)
{
	for (int i = 0; i < 2; i++)
		if (stage->crowd.people[i].queue != NULL)
			crowd_leave(&stage->crowd, i);
	crowd_free(&stage->crowd);
}

void
stage_looks(struct stage *stage, bool paid)
{
	for (int i = 0; i < 64; i++) {
		fsyi_lockword_note_release(&stage->lock);       /* another holder */
		fsyi_lockword_note_search(&stage->lock, paid ? 2000 : INT64_MAX, paid);
	}
	assert_int_equal(fsyi_lockword_is_hopeless(&stage->lock), !paid);
}

void *
stage_release(void *arg)
{
	struct stage *stage = (struct stage *)arg;

	while (FSY_RAW_LOAD_(&stage->hint, __ATOMIC_RELAXED) == 0)
		fsyi_relax();
	fsy_atomic_u32_and_rlx(&stage->word, ~LW_LOCKED);
	return NULL;
}
