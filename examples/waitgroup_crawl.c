/* SPDX-License-Identifier: MIT */
/*
 * waitgroup_crawl.c - waiting for work whose amount nobody knows beforehand.
 *
 * A crawler fetches pages, each in a thread of its own, and each page may name others. Whoever finds one adds it to the group
 * before it is done itself, so the counter cannot reach zero while anything is left to do.
 * Notice: add (here inside go) happens in somebody who has not been done yet. Adding only after the last done, while
 * main waits, would be diagnosed: "wait group misuse: add called concurrently with wait".
 */
#include <fastsync.h>

#include <stdio.h>

enum { PAGES = 1000, LINKS = 3 };

struct page {
	int number;
	fsy_atomic_bool seen;
};

static struct page pages[PAGES];
static fsy_waitgroup_t group;
static fsy_atomic_u64 fetched;

static void crawl(void *arg);

static void
visit(struct page *page)
{
	if (fsy_atomic_bool_swap(&page->seen, true))
		return;
	if (fsy_waitgroup_go(&group, crawl, page) != 0)
		crawl(page);            /* no thread to be had: then here and now */
}

static void
crawl(void *arg)
{
	struct page *page = arg;

	fsy_atomic_u64_add_rlx(&fetched, 1);
	for (int link = 1; link <= LINKS; link++) {
		int to = page->number * LINKS + link;

		if (to < PAGES)
			visit(&pages[to]);
	}
}

int
main(void)
{
	for (int i = 0; i < PAGES; i++)
		pages[i].number = i;
	visit(&pages[0]);
	if (fsy_waitgroup_wait_until(&group, 0) != 0)
		fprintf(stderr, "still crawling\n");
	fsy_waitgroup_wait(&group);
	printf("fetched %llu pages\n", (unsigned long long)fsy_atomic_u64_load_rlx(&fetched));
	return 0;
}
