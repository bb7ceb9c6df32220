/* SPDX-License-Identifier: MIT */
/*
 * pool_object.c - where objects come from and where they end. What the pool allocates itself has a header that says on which
 * node it was first touched; of what new_fn makes, node_fn may know the node.
 */
#include "pool.h"
#include "heap.h"

struct header {
	uint32_t node;
	uint32_t unused[3];                      /* keeps malloc's alignment */
};

static struct header *
header_of(void *object)
{
	return (struct header *)object - 1;
}

static void *
allocate(struct fsyi_pool *p)
{
	struct header *header;

	if (p->config.object_size > SIZE_MAX / 2)
		return NULL;
	header = fsyi_heap(sizeof(*header) + p->config.object_size);
	if (header == NULL)
		return NULL;
	header->node = fsyi_pool_node(p);
	return header + 1;
}

void *
fsyi_object_new(struct fsyi_pool *p)
{
	void *object = p->config.new_fn != NULL ? p->config.new_fn(p->config.arg) : allocate(p);

	fsyi_pool_count(&p->counts.created, object != NULL);
	return object;
}

void
fsyi_object_free(struct fsyi_pool *p, void *object)
{
	fsyi_pool_count(&p->counts.destroyed, 1);
	if (p->config.new_fn == NULL)
		free(header_of(object));
	else if (p->config.free_fn != NULL)
		p->config.free_fn(object, p->config.arg);
}

uint32_t
fsyi_object_node(const struct fsyi_pool *p, void *object)
{
	uint32_t node;

	if (p->config.new_fn == NULL)
		return header_of(object)->node;
	if (p->config.node_fn == NULL)
		return fsyi_pool_node(p);
	node = (uint32_t)p->config.node_fn(object, p->config.arg);
	return node < p->nodes ? node : fsyi_pool_node(p);
}
