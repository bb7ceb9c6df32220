/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the simulated memory: total store order with byte-accurate forwarding.
 *
 * A plain store enters its thread's buffer; a load reads memory under the thread's own buffer, byte by
 * byte, because the lock word is written as a byte and read as a word. A read-modify-write and a system
 * call drain the buffer first. Entries leave in order, at moments that the strategy chooses.
 *
 * An entry is soft until its thread passes a compiler barrier: the compiler may still hold the store
 * back, so an interrupt (membarrier) does not make it visible. That is how a missing light barrier shows.
 */
#include "sim.h"
#include <string.h>

struct range { const volatile uint8_t *p; size_t size; const char *name; };
static struct range dead[16], named[64];
static unsigned dead_count, named_count;

void
sim_memory_reset(void)
{
	dead_count = named_count = 0;
}

void
sim_name(const volatile void *p, size_t size, const char *name)
{
	if (named_count < sizeof(named) / sizeof(named[0]))
		named[named_count++] = (struct range){ p, size, name };
}

const char *
sim_where(const volatile void *p)
{
	static char text[2][80];
	static unsigned turn;
	const volatile uint8_t *b = p;

	turn ^= 1;
	for (unsigned i = named_count; i-- > 0;)
		if (b >= named[i].p && b < named[i].p + named[i].size) {
			snprintf(text[turn], sizeof(text[turn]), "%s+%d", named[i].name, (int)(b - named[i].p));
			return text[turn];
		}
	snprintf(text[turn], sizeof(text[turn]), "%p", (void *)(uintptr_t)p);
	return text[turn];
}

void
sim_kill(const volatile void *p, size_t size)
{
	const volatile uint8_t *b = p;

	if (sim_run.current >= 0)
		sim_drain(sim_run.current);
	for (int i = 0; i < SIM_THREADS; i++)
		for (unsigned e = 0; e < sim_run.thread[i].entries; e++) {
			const struct sim_entry *entry = &sim_run.thread[i].buffer[e];

			if (entry->p < b + size && b < entry->p + entry->size)
				sim_fail("T%d has yet to store to %s, which is dead now", i, sim_where(entry->p));
		}
	if (dead_count == sizeof(dead) / sizeof(dead[0]))
		sim_fail("more dead ranges than the machine remembers");
	dead[dead_count++] = (struct range){ p, size, NULL };
	sim_tracef("kill   %s", sim_where(p));
}

void
sim_revive(const volatile void *p, size_t size)
{
	for (unsigned i = dead_count; i-- > 0;)
		if (dead[i].p == p && dead[i].size == size)
			dead[i] = dead[--dead_count];
	sim_tracef("revive %s", sim_where(p));
}

void
sim_touch(const volatile void *p, unsigned size, const char *what)
{
	const volatile uint8_t *b = p;

	for (unsigned i = 0; i < dead_count; i++)
		if (b < dead[i].p + dead[i].size && dead[i].p < b + size)
			sim_fail("%s of %s after its end of life", what, sim_where(p));
}

static uint64_t
peek(const volatile void *p, unsigned size)
{
	switch (size) {
	case 1: return *(const volatile uint8_t *)p;
	case 2: return *(const volatile uint16_t *)p;
	case 4: return *(const volatile uint32_t *)p;
	default: return *(const volatile uint64_t *)p;
	}
}

static void
poke(volatile void *p, unsigned size, uint64_t value)
{
	switch (size) {
	case 1: *(volatile uint8_t *)p = (uint8_t)value; break;
	case 2: *(volatile uint16_t *)p = (uint16_t)value; break;
	case 4: *(volatile uint32_t *)p = (uint32_t)value; break;
	default: *(volatile uint64_t *)p = value; break;
	}
}

static uint64_t
truncated(uint64_t value, unsigned size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

void
sim_flush_one(int thread)
{
	struct sim_thread *t = &sim_run.thread[thread];
	struct sim_entry e = t->buffer[0];

	t->entries--;
	memmove(t->buffer, t->buffer + 1, t->entries * sizeof(e));
	sim_touch(e.p, e.size, "delayed store");
	poke(e.p, e.size, e.value);
	sim_tracef("    T%d's store to %s becomes visible: %#llx", thread, sim_where(e.p), (unsigned long long)e.value);
}

void
sim_drain(int thread)
{
	while (sim_run.thread[thread].entries > 0)
		sim_flush_one(thread);
}

void
sim_barrier(int thread)
{
	struct sim_thread *t = &sim_run.thread[thread];

	while (t->entries > 0 && !t->buffer[0].soft)
		sim_flush_one(thread);
}

void
sim_light_barrier(void)
{
	if (sim_run.current < 0)
		return;
	for (unsigned e = 0; e < sim_run.thread[sim_run.current].entries; e++)
		sim_run.thread[sim_run.current].buffer[e].soft = false;
}

uint64_t
sim_load(const volatile void *p, unsigned size, int order)
{
	const struct sim_thread *t;
	uint64_t value;

	sim_point();
	(void)order;
	sim_touch(p, size, "load");
	value = peek(p, size);
	if (sim_run.current < 0)
		return value;
	t = &sim_run.thread[sim_run.current];
	for (unsigned e = 0; e < t->entries; e++)
		for (unsigned b = 0; b < t->buffer[e].size; b++) {
			ptrdiff_t at = t->buffer[e].p + b - (const volatile uint8_t *)p;

			if (at >= 0 && at < (ptrdiff_t)size) {
				value &= ~(UINT64_C(0xff) << (8 * at));
				value |= (t->buffer[e].value >> (8 * b) & 0xff) << (8 * at);
			}
		}
	sim_tracef("load%u  %s = %#llx", 8 * size, sim_where(p), (unsigned long long)value);
	return value;
}

void
sim_store(volatile void *p, unsigned size, uint64_t value, int order)
{
	struct sim_thread *t;

	sim_point();
	value = truncated(value, size);
	sim_touch(p, size, "store");
	sim_tracef("store%u %s = %#llx", 8 * size, sim_where(p), (unsigned long long)value);
	if (sim_run.current < 0) {
		poke(p, size, value);
		return;
	}
	t = &sim_run.thread[sim_run.current];
	if (!(sim_run.flags & SIM_TSO) || order == __ATOMIC_SEQ_CST) {
		sim_drain(sim_run.current);
		poke(p, size, value);
		return;
	}
	if (t->entries == SIM_BUFFER)
		sim_flush_one(sim_run.current);
	t->buffer[t->entries++] = (struct sim_entry){ p, value, size, true };
	t->hold = false;
}

/* The common part of every locked instruction; returns the old value. */
static uint64_t
locked(volatile void *p, unsigned size, const char *what)
{
	sim_point();
	if (sim_run.current >= 0)
		sim_drain(sim_run.current);
	sim_touch(p, size, what);
	return peek(p, size);
}

static uint64_t
replace(volatile void *p, unsigned size, uint64_t old, uint64_t value, const char *what)
{
	value = truncated(value, size);
	sim_tracef("%s%u %s: %#llx -> %#llx", what, 8 * size, sim_where(p), (unsigned long long)old, (unsigned long long)value);
	poke(p, size, value);
	return old;
}

uint64_t
sim_swap(volatile void *p, unsigned size, uint64_t value, int order)
{
	(void)order;
	return replace(p, size, locked(p, size, "swap"), value, "swap");
}

bool
sim_cas(volatile void *p, unsigned size, void *seen, uint64_t value, int ok, int bad)
{
	uint64_t old = locked(p, size, "compare-and-swap");

	(void)ok;
	(void)bad;
	if (old == peek(seen, size)) {
		replace(p, size, old, value, "cas");
		return true;
	}
	sim_tracef("cas%u  %s fails: %#llx, not %#llx", 8 * size, sim_where(p), (unsigned long long)old,
		   (unsigned long long)peek(seen, size));
	poke(seen, size, old);
	return false;
}

uint64_t
sim_add(volatile void *p, unsigned size, uint64_t value, int order)
{
	uint64_t old = locked(p, size, "add");

	(void)order;
	return replace(p, size, old, old + value, "add");
}

uint64_t
sim_and(volatile void *p, unsigned size, uint64_t value, int order)
{
	uint64_t old = locked(p, size, "and");

	(void)order;
	return replace(p, size, old, old & value, "and");
}

uint64_t
sim_or(volatile void *p, unsigned size, uint64_t value, int order)
{
	uint64_t old = locked(p, size, "or");

	(void)order;
	return replace(p, size, old, old | value, "or");
}
