/* SPDX-License-Identifier: MIT */
/*
 * engine.c - virtual threads, their clocks, the CPUs that run them, and who goes on.
 *
 * A heap holds every thread that has something to do at a known time: those that run, by their clocks, and sleepers with a deadline. The
 * others wait for a CPU in its line, or for a wake-up.
 */
#include "cost.h"
#include "engine.h"


enum { QUANTUM_PS = 20000 };

enum state { RUNS, WAITS_FOR_CPU, SLEEPS, ENDED };

struct thread {
	enum state state;
	int cpu;
	int64_t time, slice_end, stores_done, deadline;
	const void *key;
	uint64_t turn;
	bool timed_out;
	int next;                                /* in the line of its CPU; -1 = last */
};

struct cpu {
	int running, first, last;                /* -1 = nobody */
};

struct cost_machine cost_machine;
static struct thread threads[COST_THREADS];
static struct cpu cpus[COST_CPUS];
static int current = -1, living;
static uint64_t turn;

/* When the thread has something to do; for the heap. */
int64_t
cost_due(int id)
{
	return threads[id].state == RUNS ? threads[id].time : threads[id].deadline;
}

static int64_t
ps(double ns)
{
	return (int64_t)(cost_jitter(ns) * 1000);
}

/* A CPU of the same node that has a thread waiting for it (or, idle, has none at all); NULL: none. */
static struct cpu *
neighbour(int cpu, bool idle)
{
	int per_node = cost_machine.cpus_per_node, first = cpu / per_node * per_node;

	for (int i = 1; i < per_node; i++) {
		struct cpu *other = &cpus[first + (cpu - first + i) % per_node];

		if (idle ? other->running < 0 : other->first >= 0)
			return other;
	}
	return NULL;
}

/* The CPU is free from then on: whoever waits for it runs, or for another of its node. */
static void
next_on(struct cpu *cpu, int64_t from)
{
	struct cpu *line = cpu->first >= 0 ? cpu : neighbour((int)(cpu - cpus), false);
	struct thread *t;
	int id;

	cpu->running = -1;
	if (line == NULL)
		return;
	cpu->running = id = line->first;
	t = &threads[id];
	line->first = t->next;
	if (line->first < 0)
		line->last = -1;
	t->cpu = (int)(cpu - cpus);
	t->state = RUNS;
	t->time = (t->time > from ? t->time : from) + ps(cost_model.change);
	t->slice_end = t->time + ps(cost_model.slice);
	cost_counts.switches++;
	cost_heap_add(id);
}

static void
line_up(int id)
{
	struct thread *t = &threads[id];
	struct cpu *cpu = &cpus[t->cpu];

	t->state = WAITS_FOR_CPU;
	t->next = -1;
	if (cpu->last >= 0)
		threads[cpu->last].next = id;
	else
		cpu->first = id;
	cpu->last = id;
}

/* It is able to run from then on: where it was, else on an idle CPU of the node. */
static void
ready(int id, int64_t from)
{
	struct thread *t = &threads[id];
	struct cpu *cpu = &cpus[t->cpu];

	t->time = from;
	if (cpu->running >= 0) {
		struct cpu *idle = neighbour(t->cpu, true);

		if (idle == NULL) {
			line_up(id);
			return;
		}
		cpu = idle;
		t->cpu = (int)(cpu - cpus);
	}
	t->state = RUNS;
	t->slice_end = t->time + ps(cost_model.slice);
	cpu->running = id;
	cost_heap_add(id);
}

/* Gives way to the thread whose time has come. */
static void
dispatch(void)
{
	int from = current, next;

	for (;;) {
		if (cost_heap_top() < 0) {
			if (living > 0)
				cost_fail("%d threads sleep, and nobody is left to wake them", living);
			next = -1;
			break;
		}
		next = cost_heap_top();
		if (threads[next].state == RUNS)
			break;
		threads[next].timed_out = true;  /* a deadline */
		cost_heap_remove(next);
		ready(next, threads[next].deadline);
	}
	if (next == from)
		return;
	current = next;
	cost_switch(from, next);
}

void
cost_sync(bool strict)
{
	struct thread *t = &threads[current];
	struct cpu *cpu = &cpus[t->cpu];

	if (t->time >= t->slice_end && cpu->first >= 0) {
		cost_heap_remove(current);
		line_up(current);
		next_on(cpu, t->time);
		dispatch();
		return;
	}
	/* The heap's top may be the thread itself, with the time it had when it was last put in order. */
	cost_heap_moved(current);
	if (cost_heap_top() != current && t->time > cost_due(cost_heap_top()) + (strict ? 0 : QUANTUM_PS))
		dispatch();
}

bool
cost_sleep(const void *key, int64_t deadline_ns)
{
	struct thread *t = &threads[current];
	int self = current;

	cost_counts.sleeps++;
	t->key = key;
	t->turn = turn++;
	t->timed_out = false;
	cost_heap_remove(self);
	t->state = SLEEPS;
	t->deadline = deadline_ns > INT64_MAX / 1000 ? INT64_MAX : deadline_ns * 1000;
	if (t->deadline != INT64_MAX)
		cost_heap_add(self);
	next_on(&cpus[t->cpu], t->time);
	dispatch();
	t->key = NULL;
	return !t->timed_out;
}

int
cost_wake(const void *key, int count)
{
	int woken = 0;

	while (woken < count) {
		int eldest = -1;

		for (int i = 0; i < cost_machine.threads; i++)
			if (threads[i].state == SLEEPS && threads[i].key == key && (eldest < 0 || threads[i].turn < threads[eldest].turn))
				eldest = i;
		if (eldest < 0)
			break;
		cost_heap_remove(eldest);
		cost_spend(cost_model.wake);
		ready(eldest, threads[current].time + ps(cost_model.latency));
		cost_counts.wakes++;
		woken++;
	}
	return woken;
}

void
cost_yield(void)
{
	struct thread *t = &threads[current];
	struct cpu *cpu = &cpus[t->cpu];

	if (cpu->first >= 0)
		t->slice_end = t->time;
	cost_sync(true);
}

void
cost_interrupt_others(double ns)
{
	int self = current;

	for (int i = 0; i < cost_machine.threads; i++)
		if (i != self && threads[i].state == RUNS) {
			threads[i].time += ps(ns);
			cost_heap_moved(i);
		}
}

int cost_self(void) { return current; }
int cost_cpu(int thread) { return threads[thread].cpu; }
int cost_node(int thread) { return threads[thread].cpu / cost_machine.cpus_per_node; }
int64_t cost_now_ps(void) { return threads[current].time; }
int64_t cost_now(void) { return threads[current].time / 1000; }
int64_t cost_stores_done(void) { return threads[current].stores_done; }
void cost_set_time(int64_t time) { threads[current].time = time; }

void
cost_stores_issued(int64_t done)
{
	if (done > threads[current].stores_done)
		threads[current].stores_done = done;
}

void
cost_spend(double ns)
{
	threads[current].time += ps(ns);
}

void
cost_thread_ends(void)
{
	int self = current;

	cost_heap_remove(self);
	threads[self].state = ENDED;
	living--;
	next_on(&cpus[threads[self].cpu], threads[self].time);
	dispatch();
}

/* Thread i begins on CPU i, round and round, and stays on its node. */
void
cost_run(void (*body)(int thread))
{
	int all = cost_machine.nodes * cost_machine.cpus_per_node;

	cost_heap_clear();
	for (int i = 0; i < all; i++)
		cpus[i] = (struct cpu){ -1, -1, -1 };
	living = cost_machine.threads;
	for (int i = 0; i < cost_machine.threads; i++) {
		threads[i] = (struct thread){ .cpu = i % all, .next = -1 };
		cost_make(i, body);
		ready(i, ps(1000.0 + 10 * i));
	}
	current = -1;
	dispatch();
}
