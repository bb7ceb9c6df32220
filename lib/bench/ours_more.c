/* SPDX-License-Identifier: MIT */
/* ours_more.c - libfastsync's once and pool as their users get them: what their headers inline is inlined here. */
#define FSYB_NO_STAMPS
#include "bench/harness.h"
#include "bench/object.h"
#include <fastsync.h>
#include <fastsync/once.h>
#include <fastsync/pool.h>

FSYB_OBJECT(once, fsy_once_t, (void)0, (void)0)
static uint64_t once_calls;

static void
once_function(void *unused)
{
	(void)unused;
	once_calls = 1;
}

static uint64_t
datum_calls(void *object)
{
	(void)object;
	return once_calls;
}

FSYB_ONCE_LOOP(run_once, struct once, fsy_once_do(&self->lock, once_function, NULL))
static void *
create_pool(unsigned threads)
{
	(void)threads;
	return fsy_pool_new(&(fsy_pool_config_t){ .object_size = FSYB_POOL_BYTES });
}

static void
destroy_pool(void *object)
{
	fsy_pool_free(object);
}

FSYB_POOL_LOOP(run_pool, fsy_pool_t, fsy_pool_get(self), fsy_pool_put(self, item))

#define OURS(kind_, type_, object_, datum_) \
	{ .kind = kind_, .name = "libfastsync", .version = FASTSYNC_VERSION, .bytes = sizeof(type_), .parks = 1, .create = create_##object_, \
	  .destroy = destroy_##object_, .run = run_##object_, .datum = datum_, .foreign = FSYB_OURS }

const struct fsyb_impl *
fsyb_ours_more(void)
{
	static const struct fsyb_impl ours[] = {
		OURS(FSYB_ONCE, fsy_once_t, once, datum_calls),
		OURS(FSYB_POOL, fsy_pool_t, pool, NULL),
		{ .kind = NULL },
	};

	return ours;
}
