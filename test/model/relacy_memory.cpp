// SPDX-License-Identifier: MIT
// relacy_memory.cpp - cells for atomics, shadows for plain memory, and the end of objects' lives.
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef free
#undef assert
#include <cstdio>
#include <cstring>
#include <new>
#include <type_traits>

extern "C" {
#include "../sim/scenario.h"
extern char __data_start[], _end[];
}
#include "relacy_machine.hpp"

namespace machine {

enum { CELLS = 4096, SHADOWS = 1 << 16, DEAD = 8 };

struct cell {
	const volatile void *p;
	unsigned size;
	alignas(16) char object[sizeof(rl::generic_atomic<uint64_t, true>)];
};
struct shadow { uintptr_t granule; rl::var_data *data; };
struct range { uintptr_t p; size_t size; };

static cell cells[CELLS];
static unsigned cell_of[CELLS], cell_count;     // the cells in use, in order of creation
static struct { volatile void *p; unsigned size; } learned[CELLS];
static unsigned learned_count;
static shadow shadows[SHADOWS];
static unsigned shadow_of[SHADOWS], shadow_count;
static range dead[DEAD];
static unsigned dead_count;

template<typename T> static rl::generic_atomic<T, true> &
as(cell &c)
{
	return *reinterpret_cast<rl::generic_atomic<T, true> *>(c.object);
}

// Calls body with a value of the unsigned type of that size.
template<typename body_t> static auto
by_size(unsigned size, body_t body)
{
	switch (size) {
	case 1: return body(uint8_t());
	case 2: return body(uint16_t());
	case 4: return body(uint32_t());
	default: return body(uint64_t());
	}
}

template<typename T> static T &
memory(const volatile void *p)
{
	return *static_cast<T *>(const_cast<void *>(p));
}

static cell &
make(cell &c, const volatile void *p, unsigned size)
{
	c.p = p;
	c.size = size;
	cell_of[cell_count++] = static_cast<unsigned>(&c - cells);
	by_size(size, [&](auto t) { new (c.object) rl::generic_atomic<decltype(t), true>; });
	return c;
}

static cell &
find(const volatile void *p, unsigned size)
{
	uintptr_t address = reinterpret_cast<uintptr_t>(p);

	for (unsigned i = 0; i < dead_count; i++)
		if (address - dead[i].p < dead[i].size)
			fail(rl::test_result_user_assert_failed, "access to an object after its end of life");
	for (unsigned i = static_cast<unsigned>(address * 0x9E3779B1u >> 4) % CELLS;; i = (i + 1) % CELLS) {
		cell &c = cells[i];

		if (c.p == p) {
			if (c.size != size)
				fail(rl::test_result_user_assert_failed, "one atomic, two sizes");
			return c;
		}
		if (c.p != nullptr)
			continue;
		if (learned_count < CELLS && running) {
			learned[learned_count].p = const_cast<volatile void *>(p);
			learned[learned_count++].size = size;
		}
		return make(c, p, size);
	}
}

void
forget_cells()
{
	learned_count = 0;
}

void
cells_begin()
{
	for (unsigned i = 0; i < cell_count; i++)
		cells[cell_of[i]].p = nullptr;
	for (unsigned i = 0; i < shadow_count; i++)
		shadows[shadow_of[i]].granule = 0;
	cell_count = shadow_count = dead_count = 0;
}

// Every thread sees this store, so no load can return anything older than it.
void
cells_prepare()
{
	for (unsigned i = 0; i < learned_count; i++) {
		cell &c = find(learned[i].p, learned[i].size);

		by_size(c.size, [&](auto t) {
			as<decltype(t)>(c).store(memory<decltype(t)>(c.p), rl::mo_relaxed, $);
		});
	}
}

void
cells_end()
{
	for (unsigned i = 0; i < cell_count; i++) {
		cell &c = cells[cell_of[i]];

		by_size(c.size, [&](auto t) { as<decltype(t)>(c).~generic_atomic(); });
	}
	for (unsigned i = 0; i < shadow_count; i++)
		rl::ctx().var_dtor(shadows[shadow_of[i]].data);
	cells_begin();
}

uint64_t
newest(const volatile void *p)
{
	cell &c = find(p, 4);

	return as<uint32_t>(c).debug_value();
}

static rl::memory_order
order_of(int order)
{
	static const rl::memory_order orders[] = { rl::mo_relaxed, rl::mo_consume, rl::mo_acquire, rl::mo_release,
						   rl::mo_acq_rel, rl::mo_seq_cst };
	return orders[order];
}

// Plain memory. A granule is four bytes: neighbours inside one are of one owner in the code under test.
static void
plain(const void *p, size_t size, bool store)
{
	uintptr_t first = reinterpret_cast<uintptr_t>(p) >> 2, last = (reinterpret_cast<uintptr_t>(p) + size - 1) >> 2;

	if (!running || static_cast<const char *>(p) < __data_start || static_cast<const char *>(p) >= _end)
		return;                         // the stack is the thread's own
	for (uintptr_t granule = first; granule <= last; granule++) {
		unsigned i = static_cast<unsigned>(granule * 0x9E3779B1u >> 8) % SHADOWS;
		rl::thread_info_base &thread = *rl::ctx().threadx_;

		while (shadows[i].granule != 0 && shadows[i].granule != granule)
			i = (i + 1) % SHADOWS;
		if (shadows[i].granule == 0) {
			shadows[i] = { granule, rl::ctx().var_ctor() };
			shadow_of[shadow_count++] = i;
		}
		if (!(store ? shadows[i].data->store(thread) : shadows[i].data->load(thread))) {
			static char text[100];

			snprintf(text, sizeof(text), "plain %s of %p, unordered", store ? "store" : "load", p);
			fail(rl::test_result_data_race, text);
		}
	}
}

} // namespace machine

using namespace machine;

// An atomic operation on relacy's cell; in setup and check, which run alone, on memory itself. Memory follows the
// modification order, for check() and for plain reads after the fact.
template<typename cell_t, typename alone_t> static uint64_t
access(const volatile void *p, unsigned size, cell_t on_cell, alone_t alone)
{
	return by_size(size, [&](auto t) -> uint64_t {
		typedef decltype(t) T;

		if (!running)
			return alone(memory<T>(p));
		switching around;
		cell &c = find(p, size);
		T result = static_cast<T>(on_cell(as<T>(c), t));

		memory<T>(p) = as<T>(c).debug_value();
		return result;
	});
}

extern "C" {

uint64_t
sim_load(const volatile void *p, unsigned size, int order)
{
	return access(p, size, [&](auto &c, auto) { return c.load(order_of(order), $); },
		      [&](auto &m) { return m; });
}

void
sim_store(volatile void *p, unsigned size, uint64_t value, int order)
{
	access(p, size, [&](auto &c, auto t) { c.store(static_cast<decltype(t)>(value), order_of(order), $); return 0; },
	       [&](auto &m) { m = static_cast<std::decay_t<decltype(m)>>(value); return 0; });
}

#define RMW(name, operation, result)                                                                    \
	uint64_t                                                                                        \
	sim_##name(volatile void *p, unsigned size, uint64_t value, int order)                          \
	{                                                                                               \
		return access(p, size,                                                                  \
			[&](auto &c, auto t) { return c.operation(static_cast<decltype(t)>(value), order_of(order), $); }, \
			[&](auto &m) { auto old = m; m = static_cast<std::decay_t<decltype(m)>>(result); return old; }); \
	}
RMW(swap, exchange, value)
RMW(add, fetch_add, old + value)
RMW(and, fetch_and, old & value)
RMW(or, fetch_or, old | value)

bool
sim_cas(volatile void *p, unsigned size, void *seen, uint64_t value, int ok, int bad)
{
	return access(p, size, [&](auto &c, auto t) {
		return c.compare_exchange(rl::bool_t<false>(), memory<decltype(t)>(seen), static_cast<decltype(t)>(value),
					  order_of(ok), order_of(bad), $);
	}, [&](auto &m) {
		typedef std::decay_t<decltype(m)> T;
		bool stored = m == memory<T>(seen);

		(stored ? m : memory<T>(seen)) = stored ? static_cast<T>(value) : m;
		return stored;
	});
}

void
sim_kill(const volatile void *p, size_t size)
{
	sim_point();
	dead[dead_count++] = { reinterpret_cast<uintptr_t>(p), size };
}

void
sim_revive(const volatile void *p, size_t)
{
	for (unsigned i = dead_count; i-- > 0;)
		if (dead[i].p == reinterpret_cast<uintptr_t>(p))
			dead[i] = dead[--dead_count];
}

// What -fsanitize=thread calls.
#define HOOKS(n)                                                                \
	void __tsan_read##n(void *p) { plain(p, n, false); }                    \
	void __tsan_write##n(void *p) { plain(p, n, true); }                    \
	void __tsan_unaligned_read##n(void *p) { plain(p, n, false); }          \
	void __tsan_unaligned_write##n(void *p) { plain(p, n, true); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
void __tsan_read_range(void *p, size_t size) { plain(p, size, false); }
void __tsan_write_range(void *p, size_t size) { plain(p, size, true); }
void __tsan_init(void) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}

} // extern "C"
