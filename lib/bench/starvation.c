/* SPDX-License-Identifier: MIT */
/* starvation.c - who starves whom: the locks one by one, and then what the article says of it, beside what was measured. */
#include "bench/report.h"
#include "bench/starve.h"
#include <fastsync/error.h>
#include <math.h>
#include <string.h>

#define WRITER  "starve/writer/1ms"
#define READER  "starve/reader/1ms"
#define WORKERS 5

enum claim { STARVES, SPARED, FAIR, BETTER /* than Go */ };

static const struct { const char *said; enum claim claim; const char *who, *note; } said[] = {
#define STARVATION(said, claim, who, note) { said, claim, who, note },
#define MEASURED(...)
#define ELSEWHERE(...)
#define SOURCE(...)
#include "bench/claims.def"
#undef STARVATION
#undef MEASURED
#undef ELSEWHERE
#undef SOURCE
};

int
fsyb_starvation_need(struct fsyb_results *results)
{
	struct fsyb_choice choice = { .releases = true, .selective = true };

	for (unsigned i = 0; i < results->field.count; i++)
		if (strncmp(results->field.candidates[i].name, "go1.23 ", 7) == 0)
			choice.without = "go sync.RWMutex,go1.22 sync.RWMutex";
	fsyb_ask_for(&choice, "libfastsync fair");
	fsyb_ask_for(&choice, "libfastsync fair strict");
	fsyb_ask_for(&choice, "parking_lot fair");
	return fsyb_need(results, WRITER, WORKERS, &choice) && fsyb_need(results, READER, WORKERS, &choice) ? 0 : FSY_ENOMEM;
}

static double
watched_ns(const struct fsyb_series *series, unsigned rounds)
{
	for (unsigned i = 0; series && i < rounds; i++)
		if (series->samples[i].valid)
			return series->samples[i].elapsed_ns;
	return NAN;
}

static double
longest_ns(const struct fsyb_cell *cell, const struct fsyb_series *series)
{
	return fsyb_figure(cell, series, FSYB_LONGEST).median;
}

static enum fsyb_fate
fate(const struct fsyb_cell *cell, const struct fsyb_series *series)
{
	return cell ? fsyb_fate(longest_ns(cell, series), watched_ns(series, cell->rounds)) : FSYB_UNKNOWN;
}

void
fsyb_print_ordeal(const struct fsyb_cell *cell, const struct fsyb_series *series, FILE *out)
{
	bool pending = fsyb_figure(cell, series, FSYB_PENDING).median > 0.5;
	char text[32];

	snprintf(text, sizeof text, "%s%.3g", pending ? ">= " : "", longest_ns(cell, series) / 1e6);
	fprintf(out, " %9.4g %11s %9.4g %7.3g", fsyb_figure(cell, series, FSYB_TRIED).median, text,
	        fsyb_figure(cell, series, FSYB_PASSED).median, fsyb_figure(cell, series, FSYB_PHASES).median);
}

static const struct fsyb_series *
who(const struct fsyb_cell *cell, const char *name)
{
	const struct fsyb_series *series = strcmp(name, "@go") == 0 ? fsyb_go(cell) : fsyb_find(cell, name);

	return series && !series->error[0] ? series : NULL;
}

static void
print_locks(const struct fsyb_cell *writer, const struct fsyb_cell *reader, FILE *out)
{
	fprintf(out, "%-28s | %-39s | %s\n%-28s |", "", "a writer among long readers", "a reader among writers", "lock");
	for (int i = 0; i < 2; i++)
		fprintf(out, " %9s %11s %9s %7s%s", i ? "reads/s" : "writes/s", "longest, ms", "passed by", "phases", i ? "\n" : " |");
	for (unsigned i = 0; i < writer->count; i++) {
		const struct fsyb_series *other = who(reader, writer->series[i].candidate->name);

		fprintf(out, "%-28s |", writer->series[i].candidate->name);
		if (writer->series[i].error[0] || !other) {
			fprintf(out, " failed: see below\n");
			continue;
		}
		fsyb_print_ordeal(writer, &writer->series[i], out);
		fprintf(out, " |");
		fsyb_print_ordeal(reader, other, out);
		fputc('\n', out);
	}
}

static const char *
verdict(enum claim claim, const char *name, const struct fsyb_cell *writer, const struct fsyb_cell *reader)
{
	const struct fsyb_series *of_writer = who(writer, name), *of_reader = who(reader, name);

	switch (claim) {
	case STARVES: return fsyb_verdict_starves(fate(writer, of_writer));
	case SPARED: return fsyb_verdict_spared(fate(writer, of_writer));
	case FAIR: return fsyb_verdict_fair(fate(writer, of_writer), fate(reader, of_reader));
	case BETTER: return fsyb_verdict_better(fate(writer, of_writer), fate(writer, who(writer, "@go")));
	}
	return "";
}

/* "a writer waits 2.3 ms at most", of those the claim is about. */
static void
print_measured(enum claim claim, const char *name, const struct fsyb_cell *writer, const struct fsyb_cell *reader, FILE *out)
{
	const struct { const char *who; const struct fsyb_cell *cell; const char *side; } looks[] = {
		{ name, writer, "writer" }, { claim == BETTER ? "@go" : name, claim == BETTER ? writer : reader, claim == BETTER ? "writer" : "reader" },
	};

	for (int i = 0; i < (claim == FAIR || claim == BETTER ? 2 : 1); i++) {
		const struct fsyb_series *series = who(looks[i].cell, looks[i].who);
		bool pending = fsyb_figure(looks[i].cell, series, FSYB_PENDING).median > 0.5;

		if (series)
			fprintf(out, "%s%s: a %s is served %.3g times a second and waits %s %.3g ms", i ? "; " : "", series->candidate->name,
			        looks[i].side, fsyb_figure(looks[i].cell, series, FSYB_TRIED).median, pending ? "more than" : "up to",
			        longest_ns(looks[i].cell, series) / 1e6);
		else
			fprintf(out, "%snot measurable here: needs Go and Rust", i ? "; " : "");
	}
}

void
fsyb_starvation(const struct fsyb_results *results, FILE *out)
{
	const struct fsyb_cell *writer = fsyb_have(results, WRITER, WORKERS), *reader = fsyb_have(results, READER, WORKERS);
	double watched = NAN;

	if (!writer || !reader)
		return;
	for (unsigned i = 0; i < writer->count && isnan(watched); i++)
		watched = watched_ns(&writer->series[i], writer->rounds);
	fprintf(out, "\nWho starves whom: %d others hold the lock for 1 ms each, overlapping if they read, back to back if they write. Medians of %u\n"
	        "windows of %.0f ms: how often it was served, its longest wait, and in that the others' sections that began and phases that\n"
	        "ended. Starved is who waits for half of a window, served who never waits for more than a tenth.%s\n\n", WORKERS - 1,
	        writer->rounds, watched / 1e6, fsyb_weather_noisy(&writer->weather) || fsyb_weather_noisy(&reader->weather) ? " (noisy)" : "");
	print_locks(writer, reader, out);
	fprintf(out, "\nThe article on that:\n");
	for (unsigned i = 0; i < sizeof said / sizeof *said; i++) {
		fprintf(out, "  %-78s %s\n      ", said[i].said, verdict(said[i].claim, said[i].who, writer, reader));
		print_measured(said[i].claim, said[i].who, writer, reader, out);
		fprintf(out, "%s%s\n", said[i].note[0] ? "\n      " : "", said[i].note);
	}
}
