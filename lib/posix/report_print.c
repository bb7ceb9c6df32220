/* SPDX-License-Identifier: MIT */
/*
 * report_print.c - what fastsync-run --stats shows when a program ends: FASTSYNC_STATS=1, on stderr or at the end of
 * FASTSYNC_STATS_FILE.
 *
 * Programs close stderr in exit handlers that run before ours, and may have opened something else in its place: so the report goes to a
 * copy, made at the start, which no program expects to be its own. A file is opened at the end, and added to, for a program may be many
 * processes; never through a symbolic link. Its name is a copy too: programs that show a title in the list of processes write it over
 * their environment.
 */
#include "report.h"
#include "../sys/clock.h"
#include "../sys/fatal.h"
#include "../sys/tune.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOTTEST = 10, COPY_FROM = 200 };

static int out = -1;
static char file[PATH_MAX];              /* or empty */
static int64_t began;

static __attribute__((format(printf, 1, 2))) void
say(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	for (int done = 0; done < length;) {
		ssize_t n = write(out, line + done, (size_t)(length - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		done += (int)n;
	}
}

/* 1234567 ns as "1.23 ms". */
static const char *
duration(uint64_t ns, char *text, size_t size)
{
	static const struct { const char *unit; double ns; } units[] = { { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 } };
	size_t i = 0;

	while (i < 3 && (double)ns < units[i].ns)
		i++;
	snprintf(text, size, "%.*f %s", i == 3 ? 0 : 2, (double)ns / units[i].ns, units[i].unit);
	return text;
}

/* The place as an offset that addr2line takes, and the function if its name is exported. */
static void
place(const void *site, char *text, size_t size)
{
	const char *slash;
	Dl_info info;

	if (site == NULL || dladdr(site, &info) == 0 || info.dli_fname == NULL) {
		snprintf(text, size, "%p", site);
		return;
	}
	slash = strrchr(info.dli_fname, '/');
	snprintf(text, size, "%s+0x%lx%s%s%s", slash ? slash + 1 : info.dli_fname,
		 (unsigned long)((const char *)site - (const char *)info.dli_fbase), info.dli_sname ? " (" : "",
		 info.dli_sname ? info.dli_sname : "", info.dli_sname ? ")" : "");
}

static uint64_t
waited(const struct fsyi_report_entry *e)
{
	return e == NULL ? 0 : fsy_atomic_u64_load_rlx(&e->waited_ns);
}

static void
print_hottest(const struct fsyi_report_entry *table)
{
	static const char *const kinds[] = { "mutex", "rwlock", "cond", "sem", "barrier", "spin" };
	const struct fsyi_report_entry *hottest[HOTTEST] = { NULL };
	char longest[32], total[32], where[512];

	for (size_t i = 0; i < FSYI_REPORT_ENTRIES; i++) {
		const struct fsyi_report_entry *e = &table[i];

		for (int j = 0; j < HOTTEST && waited(e) > 0; j++)
			if (waited(e) > waited(hottest[j])) {
				const struct fsyi_report_entry *next = hottest[j];

				hottest[j] = e;
				e = next;
			}
	}
	if (hottest[0] == NULL)
		return;
	say("  %-18s %-7s %12s %12s %12s %12s  %s\n", "hottest locks", "kind", "taken", "contended", "longest wait", "waited", "mostly at");
	for (int j = 0; j < HOTTEST && hottest[j] != NULL; j++) {
		const struct fsyi_report_entry *e = hottest[j];

		place(fsy_atomic_ptr_load_rlx(&e->site), where, sizeof(where));
		say("  %-18p %-7s %12lu %12lu %12s %12s  %s\n", fsy_atomic_ptr_load_rlx(&e->object), kinds[e->kind],
		    (unsigned long)fsy_atomic_u64_load_rlx(&e->taken), (unsigned long)fsy_atomic_u64_load_rlx(&e->contended),
		    duration(fsy_atomic_u64_load_rlx(&e->longest_ns), longest, sizeof(longest)), duration(waited(e), total, sizeof(total)), where);
	}
}

static void
print(const struct fsyi_report_entry *table, uint64_t uncounted)
{
	uint64_t locks = 0, fought = 0, taken = 0, contended = 0, longest = 0;
	char wait[32], took[32];
	fsy_stats_t stats;

	for (size_t i = 0; i < FSYI_REPORT_ENTRIES; i++) {
		const struct fsyi_report_entry *e = &table[i];
		uint64_t most = fsy_atomic_u64_load_rlx(&e->longest_ns);

		locks += fsy_atomic_ptr_load_rlx(&e->object) != NULL;
		fought += fsy_atomic_u64_load_rlx(&e->contended) > 0;
		taken += fsy_atomic_u64_load_rlx(&e->taken);
		contended += fsy_atomic_u64_load_rlx(&e->contended);
		longest = most > longest ? most : longest;
	}
	fsy_stats_get(NULL, &stats);
	say("fastsync: locks of %s (process %ld), in %s\n", program_invocation_name, (long)getpid(),
	    duration((uint64_t)(fsyi_now() - began), took, sizeof(took)));
	say("  locks %lu, of which %lu had to be waited for; taken %lu times, %lu after a wait; the longest wait was %s\n", (unsigned long)locks,
	    (unsigned long)fought, (unsigned long)taken, (unsigned long)contended, duration(longest, wait, sizeof(wait)));
	say("  hand-overs %lu within a node, %lu between nodes; %lu sleeps, %lu wake-ups, %lu heavy fences\n", (unsigned long)stats.handovers_local,
	    (unsigned long)stats.handovers_remote, (unsigned long)stats.parks, (unsigned long)stats.wakes, (unsigned long)stats.membarriers);
	if (uncounted > 0)
		say("  %lu acquisitions are missing: there are more locks than the table holds\n", (unsigned long)uncounted);
	print_hottest(table);
}

__attribute__((destructor)) static void
end(void)
{
	uint64_t uncounted;
	const struct fsyi_report_entry *table = fsyi_report_table(&uncounted);

	if (table == NULL)
		return;
	if (file[0] != '\0')
		out = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out >= 0)
		print(table, uncounted);
	else if (file[0] != '\0')
		fsyi_warn("fastsync: FASTSYNC_STATS_FILE=%s: cannot be written: %s", file, strerrordesc_np(errno));
}

__attribute__((constructor)) static void
begin(void)
{
	const char *text = fsyi_tune_variable("FASTSYNC_STATS"), *name;

	if (text == NULL || strcmp(text, "0") == 0)
		return;
	if (strcmp(text, "1") != 0) {
		fsyi_tune_complain("FASTSYNC_STATS", text, "expected 0 or 1; using 0");
		return;
	}
	name = fsyi_tune_variable("FASTSYNC_STATS_FILE");
	if (name != NULL && strlen(name) >= sizeof(file))
		fsyi_tune_complain("FASTSYNC_STATS_FILE", name, "too long; using stderr");
	else if (name != NULL)
		strcpy(file, name);
	if (file[0] == '\0')
		out = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, COPY_FROM);
	began = fsyi_now();
	if (fsyi_report_start())
		fsyi_policy.watch = FSYI_WATCH;
}
