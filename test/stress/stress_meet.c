/* SPDX-License-Identifier: MIT */
/*
 * Wait groups and barriers whose memory is taken away as early as their contracts allow: by the thread that waited for the
 * last done, and by the first who is through a barrier. A late access is a crash here, or found in what was written over it.
 */
#include "test/support/child.h"
#include "test/support/gate.h"
#include "test/support/locks.h"
#include "test/support/worker.h"

#include <fastsync/barrier.h>
#include <fastsync/error.h>
#include <fastsync/waitgroup.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

enum { PAGES = 64, THREADS = 4, GARBAGE = 0xA5 };

struct page {
	fsy_waitgroup_t group;
	fsy_barrier_t barrier;
};

/* What is known of a page stands elsewhere. */
static struct fate {
	int work[THREADS];              /* plain: read by whoever waited for it */
	fsy_atomic_u32 through, leaders;
} fates[PAGES];

static char *pages;
static size_t page_size;
static fsy_atomic_u32 stop;
static struct gate batch_begins = GATE("pages are mapped"), batch_ends = GATE("pages are gone");
static void (*visit)(int i, int number, uint64_t random);

static struct visitor {
	pthread_t thread;
	uint64_t random;
	int number;
} visitors[THREADS];

static struct page *
page_at(int i)
{
	return (struct page *)(void *)(pages + (size_t)i * page_size);
}

/* Every other page is unmapped, which takes the kernel a while; the rest is overwritten at once. */
static void
take_away(int i)
{
	if (i % 2 != 0)
		memset(page_at(i), GARBAGE, sizeof(struct page));
	else
		W_CHECK(munmap(page_at(i), page_size) == 0);
}

static void
inspect_kept(void)
{
	for (int i = 1; i < PAGES; i += 2) {
		for (size_t k = 0; k < sizeof(struct page); k++)
			assert_int_equal(((unsigned char *)page_at(i))[k], GARBAGE);
		assert_int_equal(munmap(page_at(i), page_size), 0);
	}
}

static int64_t
patience(uint64_t random)
{
	return (int64_t)(random >> 32) % 40000;
}

/* Thread 0 waits, at times in several attempts; the others work. */
static void
visit_group(int i, int number, uint64_t random)
{
	fsy_waitgroup_t *group = &page_at(i)->group;

	if (random % 16 == 1)
		sched_yield();                           /* lets the others fall asleep, or be done */
	if (number > 0) {
		fates[i].work[number] = i;
		fsy_waitgroup_done(group);
		return;
	}
	for (int left = (int)(random / 16 % 3); left > 0; left--)
		if (fsy_waitgroup_wait_until(group, fsy_after_ns(patience(test_random(&random)))) == 0)
			break;
	fsy_waitgroup_wait(group);
	for (int k = 1; k < THREADS; k++)
		W_CHECK(fates[i].work[k] == i);
	take_away(i);
}

static void
visit_barrier(int i, int number, uint64_t random)
{
	fsy_barrier_t *barrier = &page_at(i)->barrier;
	bool leader = false;

	fates[i].work[number] = i;
	if (random % 16 == 1)
		sched_yield();
	if (random % 4 == 0)
		while (fsy_barrier_wait_until(barrier, fsy_after_ns(patience(random)), &leader) != 0)
			random = test_random(&random);
	else
		leader = fsy_barrier_wait(barrier);
	if (fsy_atomic_u32_add(&fates[i].through, 1) == 0)
		take_away(i);
	fsy_atomic_u32_add(&fates[i].leaders, leader);
	for (int k = 0; k < THREADS; k++)
		W_CHECK(fates[i].work[k] == i);
}

static void *
visit_all(void *arg)
{
	struct visitor *self = arg;

	for (;;) {
		gate_meet(&batch_begins, THREADS + 1);
		if (fsy_atomic_u32_load(&stop))
			return NULL;
		for (int i = 0; i < PAGES; i++)
			visit(i, self->number, test_random(&self->random));
		gate_meet(&batch_ends, THREADS + 1);
	}
}

static void
make_pages(void)
{
	pages = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(pages != MAP_FAILED);
	for (int i = 0; i < PAGES; i++) {
		fsy_waitgroup_add(&page_at(i)->group, THREADS - 1);
		fsy_barrier_init(&page_at(i)->barrier, THREADS);
		memset(&fates[i], 0xff, sizeof(fates[i].work));
		fsy_atomic_u32_store(&fates[i].through, 0);
		fsy_atomic_u32_store(&fates[i].leaders, 0);
	}
}

static void
run_batches(void (*how)(int, int, uint64_t), uint32_t leaders)
{
	fsy_deadline_t end = stress_until(1500, 2);
	uint64_t seed = test_seed();
	uint32_t batches = 0;

	visit = how;
	fsy_atomic_u32_store(&stop, 0);
	for (int i = 0; i < THREADS; i++) {
		visitors[i].number = i;
		visitors[i].random = test_random(&seed);
		visitors[i].thread = worker_start(visit_all, &visitors[i]);
	}
	do {
		make_pages();
		gate_meet(&batch_begins, THREADS + 1);
		gate_meet(&batch_ends, THREADS + 1);
		inspect_kept();
		for (int i = 0; i < PAGES; i++)
			assert_int_equal(fsy_atomic_u32_load(&fates[i].leaders), leaders);
		batches++;
	} while (fsy_now() < end);
	fsy_atomic_u32_store(&stop, 1);
	gate_meet(&batch_begins, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		worker_join(visitors[i].thread);
	workers_assert();
	printf("%u pages\n", batches * PAGES);
	assert_true(fsyi_lot_is_idle(&fsyi_lot));
}

static void
test_a_group_goes_after_the_last_done(void **state)
{
	(void)state;
	run_batches(visit_group, 0);
}

static void
test_a_barrier_goes_with_the_first_who_is_through(void **state)
{
	(void)state;
	run_batches(visit_barrier, 1);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_goes_after_the_last_done),
		cmocka_unit_test(test_a_barrier_goes_with_the_first_who_is_through),
	};

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	watchdog("groups and barriers under stress", 200);
	return cmocka_run_group_tests_name("groups and barriers under stress", tests, NULL, NULL);
}
