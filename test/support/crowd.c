/* SPDX-License-Identifier: MIT */
/* crowd.c - see crowd.h. */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

void
crowd_make(struct crowd *crowd, int count)
{
	memset(crowd, 0, sizeof(*crowd));
	crowd->people = aligned_alloc(FSY_CACHELINE, sizeof(struct fsyi_thread) * (size_t)count);
	crowd->headers = calloc((size_t)count, sizeof(struct fsyi_waitq));
	crowd->count = count;
	if (crowd->people == NULL || crowd->headers == NULL)
		abort();
	memset(crowd->people, 0, sizeof(struct fsyi_thread) * (size_t)count);
	for (int i = 0; i < count; i++)
		crowd->people[i].spare = &crowd->headers[i];
}

void
crowd_free(struct crowd *crowd)
{
	free(crowd->people);
	free(crowd->headers);
}

void
crowd_join(struct crowd *crowd, int who, const void *key, int node, int cpu, bool front)
{
	struct fsyi_thread *thread = &crowd->people[who];

	fsy_atomic_ptr_store_rlx(&thread->key, (void *)(uintptr_t)key);
	thread->node = (uint16_t)node;
	thread->cpu = (uint16_t)cpu;
	fsyi_bucket_lock(&crowd->bucket);
	fsyi_queue_insert(&crowd->bucket, thread, front);
	fsyi_bucket_unlock(&crowd->bucket);
}

void
crowd_leave(struct crowd *crowd, int who)
{
	fsyi_bucket_lock(&crowd->bucket);
	fsyi_queue_remove(&crowd->bucket, &crowd->people[who]);
	fsyi_bucket_unlock(&crowd->bucket);
}

int
crowd_index(const struct crowd *crowd, const struct fsyi_thread *thread)
{
	return thread == NULL ? -1 : (int)(thread - crowd->people);
}

static const char *
check_all(const struct fsyi_waitq *queue)
{
	const struct fsyi_thread *before = NULL;
	uint32_t count = 0, spares = 0;

	for (const struct fsyi_thread *thread = queue->all.head; thread != NULL; thread = thread->next) {
		if (before != NULL && thread->prev != before)
			return "the list cannot be walked backwards";
		if (thread->queue != queue || fsy_atomic_ptr_load_rlx(&thread->key) != queue->key)
			return "a waiter stands in a queue that is not its own";
		if (before != NULL && before->seniority >= thread->seniority)
			return "the list does not go by seniority";
		if (thread->spare != NULL)
			return "a waiter keeps its header";
		before = thread;
		count++;
	}
	if (before == NULL || queue->all.head->prev != before)
		return "the tail is not the last";
	for (const struct fsyi_waitq *spare = queue->spares; spare != NULL; spare = spare->chain)
		spares++;
	if (count != queue->count || count == 0 || spares != count - 1)
		return "count, waiters and headers do not agree";
	return NULL;
}

static const char *
check_node(const struct fsyi_waitq *queue, int node, uint32_t *count)
{
	const struct fsyi_fifo *fifo = &queue->node[node];
	const struct fsyi_thread *before = NULL;

	for (const struct fsyi_thread *thread = fifo->head; thread != NULL; thread = thread->node_next) {
		if (thread->node % FSYI_NODE_QUEUES != node || thread->queue != queue)
			return "a waiter stands in the list of another node";
		if (before != NULL && thread->node_prev != before)
			return "a node's list cannot be walked backwards";
		if (before != NULL && before->seniority >= thread->seniority)
			return "a node's list does not go by seniority";
		before = thread;
		(*count)++;
	}
	return before != NULL && fifo->head->node_prev != before ? "a node's tail is not the last" : NULL;
}

const char *
crowd_check(const struct fsyi_waitq *queue)
{
	const char *wrong = check_all(queue);
	uint32_t count = 0;

	for (int node = 0; node < FSYI_NODE_QUEUES && wrong == NULL; node++)
		wrong = check_node(queue, node, &count);
	if (wrong == NULL && count != queue->count)
		wrong = "a waiter is in no node's list, or in two";
	return wrong;
}

/* Q5 */
static bool
is_clean(const struct fsyi_waitq *header)
{
	for (int node = 0; node < FSYI_NODE_QUEUES; node++)
		if (header->node[node].head != NULL)
			return false;
	return header->all.head == NULL && header->spares == NULL && header->count == 0 && !header->armed && !header->known;
}

const char *
crowd_check_gone(const struct crowd *crowd)
{
	const char *wrong = crowd->bucket.queues != NULL ? "a queue is left" : NULL;
	char *seen = calloc((size_t)crowd->count, 1);

	if (seen == NULL)
		abort();
	for (int i = 0; i < crowd->count && wrong == NULL; i++) {
		const struct fsyi_thread *thread = &crowd->people[i];

		if (thread->spare == NULL || thread->queue != NULL)
			wrong = "somebody who left has no header, or still a queue";
		else if (seen[thread->spare - crowd->headers]++ != 0)
			wrong = "two have the same header";
		else if (!is_clean(thread->spare))
			wrong = "a header is brought back that is not clean";
	}
	free(seen);
	return wrong;
}
