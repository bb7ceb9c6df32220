/* SPDX-License-Identifier: MIT */
/* role.c - see role.h. */
#include "role.h"

static fsy_atomic_u32 came;

void
roles_clear(void)
{
	fsy_atomic_u32_store(&came, 0);
}

unsigned int
roles_came(void)
{
	return fsy_atomic_u32_load(&came);
}

void
role_play(struct role *role)
{
	fsy_atomic_u32_store(&role->came, fsy_atomic_u32_add(&came, 1) + 1);
	gate_meet(&role->inside, role->parties);
	gate_pass(&role->leave);
}
