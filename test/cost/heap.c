/* SPDX-License-Identifier: MIT */
/* heap.c - who is next: threads by the time at which they have something to do. The one that runs may be later than its place says, until it
 * is put in order. */
#include "cost.h"
#include "engine.h"

static int heap[COST_THREADS], place_of[COST_THREADS], heap_size;

void
cost_heap_clear(void)
{
	heap_size = 0;
	for (int i = 0; i < COST_THREADS; i++)
		place_of[i] = -1;
}

int
cost_heap_top(void)
{
	return heap_size == 0 ? -1 : heap[0];
}

static void
put(int place, int id)
{
	heap[place] = id;
	place_of[id] = place;
}

static void
sift(int place, int id)
{
	int64_t key = cost_due(id);

	while (place > 0 && cost_due(heap[(place - 1) / 2]) > key) {
		put(place, heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	for (;;) {
		int child = 2 * place + 1;

		if (child >= heap_size)
			break;
		if (child + 1 < heap_size && cost_due(heap[child + 1]) < cost_due(heap[child]))
			child++;
		if (cost_due(heap[child]) >= key)
			break;
		put(place, heap[child]);
		place = child;
	}
	put(place, id);
}

void
cost_heap_add(int id)
{
	sift(heap_size++, id);
}

void
cost_heap_remove(int id)
{
	int place = place_of[id], last;

	if (place < 0)
		return;
	last = heap[--heap_size];
	place_of[id] = -1;
	if (last != id)
		sift(place, last);
}

void
cost_heap_moved(int id)
{
	if (place_of[id] >= 0)
		sift(place_of[id], id);
}
