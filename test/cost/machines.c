/* SPDX-License-Identifier: MIT */
/* machines.c - the table of docs/numa.md: what the locks do on machines that nobody here has. */
#include "workload.h"

#include <stddef.h>

static const struct row {
	const char *lock, *what;
	struct cost_load load;
	bool barred;                    /* its moves must stay on the node */
} rows[] = {
	{ "ttas", "100 ns", { NULL, 100, 5, 2, 300, 0 }, false },
	{ "ticket", "100 ns", { NULL, 100, 5, 2, 300, 0 }, false },
	{ "mcs", "100 ns", { NULL, 100, 5, 2, 600, 0 }, false },
	{ "futex", "100 ns", { NULL, 100, 5, 2, 6000, 0 }, false },
	{ "mutex", "empty", { NULL, 0, 5, 0, 20000, 0 }, true },
	{ "mutex", "100 ns", { NULL, 100, 5, 2, 20000, 0 }, true },
	{ "rwmutex-write", "100 ns", { NULL, 100, 5, 2, 20000, 0 }, false },
	{ "fair-write", "100 ns", { NULL, 100, 5, 2, 20000, 0 }, false },
	{ "rwmutex-read", "empty", { NULL, 0, 5, 1, 60, 700 }, false },
	{ "fair-read", "empty", { NULL, 0, 5, 1, 60, 700 }, false },
};

/* A waiter is passed by less than a batch and those before it; each takes a turn, and as long as the shortest to be taken (docs/adr/0005). */
static double
most_us(int threads)
{
	double turn = 3000.0 / threads < 25 ? 25 : 3000.0 / threads;

	return (threads + 64) * (turn + 25);
}

static void
print(const struct row *row, const struct cost_machine *machine, const struct cost_result *r)
{
	printf("| %s | %s | %dx%d | %s | %.2f | ", row->lock, row->what, machine->nodes, machine->cpus_per_node, machine->policy ? "on" : "off", r->mops);
	if (r->moves > 0)
		printf("%.0f %% | ", r->local * 100);
	else
		printf("- | ");
	printf("%.0f | %.2f |\n", r->longest_us, r->jain);
}

int
cost_machines(void)
{
	static const int shapes[][2] = { { 2, 16 }, { 4, 24 }, { 8, 16 } };
	char verdicts[20][120];
	int count = 0, failed = 0;

	puts("A thread per CPU, all at one lock. *Simulated.*\n");
	puts("| lock | section | machine | node policy | Mops | moves that stay on the node | longest wait, us | Jain |");
	puts("|---|---|---|---|---:|---:|---:|---:|");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int shape = 0; shape < 3; shape++)
			for (int policy = 1; policy >= (i < 4 || rows[i].load.warm_us > 0); policy--) {
				struct cost_machine machine = { shapes[shape][0], shapes[shape][1], shapes[shape][0] * shapes[shape][1], policy, 1 };
				struct cost_load load = rows[i].load;
				struct cost_result r;
				bool good;

				load.lock = cost_lock_named(rows[i].lock);
				r = cost_measure(&machine, &load);
				print(&rows[i], &machine, &r);
				if (!rows[i].barred || !policy)
					continue;
				good = r.local >= 0.9 && r.longest_us < most_us(machine.threads);
				failed |= !good;
				snprintf(verdicts[count++], sizeof(verdicts[0]), "%s locality/%s %s on %dx%d: %.1f %% local, longest wait %.0f us (simulated)",
					 good ? "ok" : "not ok", rows[i].lock, rows[i].what, machine.nodes, machine.cpus_per_node, r.local * 100, r.longest_us);
			}
	puts("");
	for (int i = 0; i < count; i++)
		puts(verdicts[i]);
	return failed;
}
