/* SPDX-License-Identifier: MIT */
/* lines.c - cache lines, and the atomics of sim_machine.h that charge for them. */
#include "cost.h"
#include "sim_machine.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 1 << 16, WORDS = COST_CPUS / 64 };

struct line {
	uintptr_t key;                           /* address / 64; 0 = unused entry */
	int16_t owner;                           /* CPU that has it modified, -1 = none */
	int16_t home;                            /* node of its memory */
	uint64_t sharers[WORDS];
	int64_t busy_until;
};

static struct line lines[TABLE];
struct cost_counts cost_counts;
struct cost_model cost_model;

static int64_t
ps(double ns)
{
	return (int64_t)(cost_jitter(ns) * 1000);
}

static struct line *
find(const volatile void *p, int node)
{
	uintptr_t key = (uintptr_t)p / 64;
	uint32_t at = (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 48);

	for (int i = 0; i < TABLE; i++, at = (at + 1) % TABLE) {
		struct line *line = &lines[at];

		if (line->key == key)
			return line;
		if (line->key == 0) {
			*line = (struct line){ key, -1, (int16_t)node, { 0 }, 0 };
			return line;
		}
	}
	cost_fail("more cache lines than the table holds");
}

static bool
shares(const struct line *line, int cpu)
{
	return line->sharers[cpu / 64] >> (cpu % 64) & 1;
}

/* Whether any CPU of the node has it, and whether any of another. */
static void
whose(const struct line *line, int node, bool *near, bool *far)
{
	*near = *far = false;
	for (int word = 0; word < WORDS; word++) {
		uint64_t bits = line->sharers[word];

		while (bits != 0) {
			int cpu = word * 64 + __builtin_ctzll(bits);

			bits &= bits - 1;
			if (cpu / cost_machine.cpus_per_node == node)
				*near = true;
			else
				*far = true;
			if (*near && *far)
				return;
		}
	}
}

/* From where the line comes, and how long that takes. */
static int64_t
fetch(struct line *line, int cpu, bool write)
{
	int node = cpu / cost_machine.cpus_per_node;
	bool near, far;

	if (line->owner >= 0) {
		near = line->owner / cost_machine.cpus_per_node == node;
		far = !near;
	} else {
		whose(line, node, &near, &far);
		if (!write && near)
			far = false;                     /* the nearest copy will do; a writer has to reach all */
	}
	if (far) {
		cost_counts.far++;
		return ps(cost_model.far);
	}
	if (near) {
		cost_counts.near++;
		return ps(cost_model.near);
	}
	cost_counts.memory++;
	return ps(line->home == node ? cost_model.memory : cost_model.far_memory);
}

enum kind { LOAD, STORE, LOCKED };

/* Brings the line, and moves the thread's clock. */
static void
charge(const volatile void *p, enum kind kind)
{
	int self = cost_self(), cpu;
	struct line *line;
	int64_t now, begin, done;
	bool hit;

	if (self < 0)
		return;
	cpu = cost_cpu(self);
	line = find(p, cost_node(self));
	hit = line->owner == cpu || (kind == LOAD && shares(line, cpu));
	cost_sync(!hit);
	hit = line->owner == cpu || (kind == LOAD && shares(line, cpu));
	now = cost_now_ps();
	if (kind == LOCKED && cost_stores_done() > now)
		now = cost_stores_done();
	done = now;
	if (!hit) {
		begin = line->busy_until > now ? line->busy_until : now;
		done = begin + fetch(line, cpu, kind != LOAD);
		/* Copies are handed out one after the other; the line itself goes from hand to hand. */
		line->busy_until = kind == LOAD && line->owner < 0 ? begin + ps(cost_model.echo) : done;
		if (kind == LOAD) {
			if (line->owner >= 0)
				line->sharers[line->owner / 64] |= UINT64_C(1) << (line->owner % 64);
			line->owner = -1;
			line->sharers[cpu / 64] |= UINT64_C(1) << (cpu % 64);
		} else {
			line->owner = (int16_t)cpu;
			memset(line->sharers, 0, sizeof(line->sharers));
		}
	}
	if (kind == STORE) {
		cost_stores_issued(done);
		cost_set_time(now + ps(cost_model.hit));
	} else {
		cost_set_time(done + ps(kind == LOCKED ? cost_model.locked : cost_model.hit));
	}
}

static uint64_t
peek(const volatile void *p, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, (const void *)(uintptr_t)p, size);
	return value;
}

static uint64_t
poke(volatile void *p, unsigned size, uint64_t old, uint64_t value)
{
	memcpy((void *)(uintptr_t)p, &value, size);
	return old;
}

void
cost_touch(void *p, bool write)
{
	charge(p, write ? STORE : LOAD);
}

uint64_t
sim_load(const volatile void *p, unsigned size, int order)
{
	(void)order;
	charge(p, LOAD);
	return peek(p, size);
}

void
sim_store(volatile void *p, unsigned size, uint64_t value, int order)
{
	charge(p, order == __ATOMIC_SEQ_CST ? LOCKED : STORE);
	poke(p, size, 0, value);
}

uint64_t
sim_swap(volatile void *p, unsigned size, uint64_t value, int order)
{
	(void)order;
	charge(p, LOCKED);
	return poke(p, size, peek(p, size), value);
}

bool
sim_cas(volatile void *p, unsigned size, void *seen, uint64_t value, int ok, int bad)
{
	uint64_t old;

	(void)ok;
	(void)bad;
	charge(p, LOCKED);
	old = peek(p, size);
	if (old == peek(seen, size)) {
		poke(p, size, old, value);
		return true;
	}
	poke(seen, size, 0, old);
	return false;
}

uint64_t
sim_add(volatile void *p, unsigned size, uint64_t value, int order)
{
	(void)order;
	charge(p, LOCKED);
	return poke(p, size, peek(p, size), peek(p, size) + value);
}

uint64_t
sim_and(volatile void *p, unsigned size, uint64_t value, int order)
{
	(void)order;
	charge(p, LOCKED);
	return poke(p, size, peek(p, size), peek(p, size) & value);
}

uint64_t
sim_or(volatile void *p, unsigned size, uint64_t value, int order)
{
	(void)order;
	charge(p, LOCKED);
	return poke(p, size, peek(p, size), peek(p, size) | value);
}

/* Every access is where it stands: there is nothing to hold back. */
void
sim_light_barrier(void)
{
}
