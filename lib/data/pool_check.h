/* SPDX-License-Identifier: MIT */
/* pool_check.h - the set of idle objects of a checked pool. */
#ifndef FSYI_POOL_CHECK_H
#define FSYI_POOL_CHECK_H

#include "../sys/latch.h"

#include <stddef.h>

struct fsyi_pool_check {
	struct fsyi_latch latch;
	void **slots;
	size_t size, used;                       /* size is a power of two */
};
struct fsyi_pool_check *fsyi_check_new(void);
void fsyi_check_free(struct fsyi_pool_check *check);
void fsyi_check_put(struct fsyi_pool_check *check, void *object);
void fsyi_check_get(struct fsyi_pool_check *check, void *object);

#endif
