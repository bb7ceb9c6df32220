// SPDX-License-Identifier: MIT
// A C++ exception through the function of a once: it reaches its catch, and the once is what its policy says.
#include <fastsync.h>

#include <cstdio>
#include <stdexcept>
#include <thread>

static int checks, failed;       // counted as cmocka prints them

static void
check(bool condition, const char *what)
{
	std::printf("%s once_cxx/%s\n", condition ? "ok" : "not ok", what);
	checks++;
	failed += !condition;
}

static int runs;

static void do_throw(void *) { runs++; throw std::runtime_error("init"); }
static int try_throw(void *arg) { do_throw(arg); return 0; }
static int force_throw(fsy_once_state_t, void *arg) { do_throw(arg); return 0; }
static int succeed(void *) { runs++; return 0; }
static int force_succeed(fsy_once_state_t before, void *) { runs++; return before == FSY_ONCE_POISONED ? 0 : 99; }
static int init_throw(void **, void *arg) { do_throw(arg); return 0; }
static int init_self(void **value, void *arg) { *value = arg; return 0; }
static int node_throw(int, void *arg) { do_throw(arg); return 0; }

template<typename Call>
static bool
throws(Call call)
{
	try {
		call();
	} catch (const std::runtime_error &error) {
		return true;
	}
	return false;
}

int
main()
{
	fsy_once_t go = FSY_ONCE_INIT, retried = FSY_ONCE_INIT, rust = FSY_ONCE_INIT, waited = FSY_ONCE_INIT;
	fsy_once_node_t node = FSY_ONCE_NODE_INIT;
	fsy_lazy_t cell = FSY_LAZY_INIT;
	fsy_lazy_fn_t stored = FSY_LAZY_FN_INIT(init_throw, nullptr);
	void *value = nullptr;

	check(throws([&] { fsy_once_do(&go, do_throw, nullptr); }) && fsy_once_done(&go), "g8 do: done for ever");
	fsy_once_do(&go, do_throw, nullptr);
	check(runs == 1, "g8 do: not run again");

	for (int i = 0; i < 2; i++)
		check(throws([&] { return fsy_once_try(&retried, try_throw, nullptr); }) &&
		      fsy_once_state(&retried) == FSY_ONCE_NEW, "g8 try: new again");
	check(fsy_once_try(&retried, succeed, nullptr) == 0 && fsy_once_done(&retried), "g8 try: retried");

	check(throws([&] { return fsy_once_call(&rust, try_throw, nullptr); }), "g8 call: passes the exception");
	check(fsy_once_call(&rust, succeed, nullptr) == FSY_EPOISONED, "g8 call: poisoned");
	check(throws([&] { return fsy_once_force(&rust, force_throw, nullptr); }) &&
	      fsy_once_state(&rust) == FSY_ONCE_POISONED, "g8 force: poisoned again");
	check(fsy_once_force(&rust, force_succeed, nullptr) == 0 && fsy_once_done(&rust), "g8 force: recovers");

	check(throws([&] { return fsy_once_node_try(&node, node_throw, nullptr); }) && !fsy_once_node_done(&node, 0), "node: new again");
	check(throws([&] { return fsy_lazy_get_or_init(&cell, init_throw, nullptr, &value); }) && !fsy_lazy_is_set(&cell), "r8 cell: empty");
	check(fsy_lazy_get_or_init(&cell, init_self, &cell, &value) == 0 && value == &cell, "r8 cell: retried");
	check(throws([&] { return fsy_lazy_fn_get(&stored, &value); }), "g9 lazy: passes the exception");
	check(fsy_lazy_fn_get(&stored, &value) == FSY_EPOISONED, "g9 lazy: poisoned");

	// Another thread waits while the exception passes, and runs then.
	struct meeting { fsy_once_t started = FSY_ONCE_INIT, *once; } meeting;
	meeting.once = &waited;
	runs = 0;
	bool met = false, turn = false;
	std::thread other([&] {
		met = fsy_once_wait(&meeting.started) == 0;
		turn = fsy_once_try(&waited, succeed, nullptr) == 0;
	});
	check(throws([&] {
		return fsy_once_try(&waited, [](void *arg) -> int {
			fsy_once_do(&static_cast<struct meeting *>(arg)->started, [](void *) {}, nullptr);
			std::this_thread::yield();
			throw std::runtime_error("with a waiter");
		}, &meeting);
	}), "g8 try: passes the exception with a waiter");
	other.join();
	check(met && turn, "g8 try: another thread's turn");
	check(runs == 1 && fsy_once_done(&waited), "g8 try: done by the waiter");
	std::printf("[  PASSED  ] %d test(s).\n", checks - failed);
	if (failed > 0)
		std::printf("[  FAILED  ] %d test(s)\n", failed);
	return failed != 0;
}
