/* SPDX-License-Identifier: MIT */
/* bars.c - measures what bars.def asks for, and says of each bar whether it holds, by how much, and against whom. */
#include "bench/report.h"
#include <fastsync/error.h>
#include <fnmatch.h>
#include <math.h>
#include <string.h>

enum relation { AT_MOST, AT_LEAST, LESS_AT_LEAST, LESS_AT_MOST /* the difference, not the quotient */ };

struct bar {
	const char *name, *cell;
	unsigned threads;
	const char *ours, *other_cell;
	unsigned other_threads;
	const char *other;
	enum fsyb_metric metric;
	enum relation relation;
	double limit;
};

static const struct bar bars[] = {
#define X(name, cell, threads, ours, other_cell, other_threads, other, metric, relation, limit) \
	{ name, cell, threads, ours, other_cell, other_threads, other, FSYB_##metric, relation, limit },
#include "bench/bars.def"
#undef X
};

#define BARS (sizeof bars / sizeof *bars)

bool
fsyb_matches(const char *name, const char *filter)
{
	if (!filter)
		return true;
	if (strpbrk(filter, "*?["))
		return fnmatch(filter, name, 0) == 0;
	return strstr(name, filter) != NULL;
}

static const struct fsyb_series *
opponent(const struct bar *bar, const struct fsyb_cell *cell)
{
	if (strcmp(bar->other, "@best") == 0)
		return fsyb_best(cell, false, NULL);
	if (strcmp(bar->other, "@parks") == 0)
		return fsyb_best(cell, true, NULL);
	if (bar->other[0] == '@')
		return fsyb_best(cell, false, bar->other + 1);
	return fsyb_find(cell, bar->other);
}

static bool
difference(const struct bar *bar)
{
	return bar->relation == LESS_AT_LEAST || bar->relation == LESS_AT_MOST;
}

static bool
below(const struct bar *bar)
{
	return bar->relation == AT_MOST || bar->relation == LESS_AT_MOST;
}

/* What was measured, in the bar's own unit. */
static struct fsyb_figure
evaluate(const struct bar *bar, const struct fsyb_results *results, const char **against, const char **why)
{
	const struct fsyb_cell *cell = fsyb_have(results, bar->cell, bar->threads);
	const struct fsyb_cell *other_cell = fsyb_have(results, bar->other_cell, bar->other_threads);
	const struct fsyb_series *ours = fsyb_find(cell, bar->ours), *other = NULL;
	struct fsyb_figure none = { NAN, NAN, NAN, 0 }, figure, theirs;

	*against = *why = "";
	if (!ours || ours->error[0]) {
		*why = ours ? ours->error : cell ? "not in this process: see the lines above" : "not measured";
		return none;
	}
	if (bar->metric == FSYB_BYTES)
		return (struct fsyb_figure){ (double)ours->candidate->bytes, NAN, NAN, 1 };
	if (bar->metric == FSYB_RESIDENT)
		return fsyb_resident(&results->field, bar->ours);
	figure = fsyb_figure(cell, ours, bar->metric);
	if (!bar->other[0])
		return figure;
	other = opponent(bar, other_cell);
	if (!other || other->error[0]) {
		*why = other ? other->error : "peer missing";
		return none;
	}
	*against = other->candidate->name;
	if (!difference(bar))
		return fsyb_ratio(cell, ours, other_cell, other, bar->metric);
	theirs = fsyb_figure(other_cell, other, bar->metric);
	return (struct fsyb_figure){ figure.median - theirs.median, figure.p10 - theirs.median, figure.p90 - theirs.median,
		                     theirs.count };
}

static bool
judge(const struct bar *bar, const struct fsyb_results *results, FILE *out)
{
	const struct fsyb_cell *cell = fsyb_have(results, bar->cell, bar->threads);
	const char *against, *why, *unit = bar->metric == FSYB_LONGEST ? "ms" : bar->other[0] ? "x" : "";
	double scale = bar->metric == FSYB_LONGEST ? 1e-6 : 1;
	struct fsyb_figure figure = evaluate(bar, results, &against, &why);
	bool holds = below(bar) ? figure.median <= bar->limit : figure.median >= bar->limit;

	if (difference(bar))
		unit = bar->metric == FSYB_NS ? "ns" : "";
	fprintf(out, "%-24s %s %6.4g%-3s", bar->name, below(bar) ? "<=" : ">=", bar->limit * scale, unit);
	if (figure.count == 0 || isnan(figure.median)) {
		fprintf(out, " %-31s %s\n", "-", *why ? why : "not measured");
		return false;
	}
	fprintf(out, " %8.3g%-3s", figure.median * scale, unit);
	if (isnan(figure.p10))
		fprintf(out, "%20s", "");
	else
		fprintf(out, "[%8.3g %8.3g] ", figure.p10 * scale, figure.p90 * scale);
	fprintf(out, "%-8s %s%s%s\n", holds ? "holds" : "NOT", *against ? "to " : "", against,
	        cell && fsyb_weather_noisy(&cell->weather) ? "  (noisy)" : "");
	return holds;
}

/* Only those whom some bar on this cell can be about: the run is long. */
static struct fsyb_cell *
need(struct fsyb_results *results, const char *name, unsigned threads)
{
	struct fsyb_choice choice = { .selective = true };

	for (unsigned i = 0; i < BARS; i++) {
		if (!fsyb_matches(bars[i].name, results->options->filter))
			continue;
		if (strcmp(bars[i].cell, name) == 0 && bars[i].threads == threads)
			fsyb_ask_for(&choice, bars[i].ours);
		if (strcmp(bars[i].other_cell, name) == 0 && bars[i].other_threads == threads)
			fsyb_ask_for(&choice, bars[i].other);
	}
	if (strcmp(name, "mutex/contended/empty") == 0 || strcmp(name, "mutex/moderate") == 0)
		choice.parks = true;
	if (strncmp(name, "mutex/waits", 11) == 0)
		choice.names = "parking_lot";
	if (strcmp(name, "rwmutex/writer-waits") == 0 || strcmp(name, "memory/million") == 0)
		choice.names = "libfastsync";
	return fsyb_need(results, name, threads, &choice);
}

int
fsyb_bars(struct fsyb_results *results, FILE *out)
{
	unsigned chosen = 0, held = 0;
	int error;

	for (unsigned i = 0; i < BARS; i++) {
		if (!fsyb_matches(bars[i].name, results->options->filter))
			continue;
		chosen++;
		if (!need(results, bars[i].cell, bars[i].threads) ||
		    (bars[i].other_cell[0] && !need(results, bars[i].other_cell, bars[i].other_threads)))
			return FSY_ENOMEM;
	}
	if (chosen == 0) {
		fprintf(stderr, "fastsync-bench: no bar matches '%s'\n", results->options->filter);
		return FSY_EINVAL;
	}
	error = fsyb_measure(results);
	if (error)
		return error;
	fsyb_print_host(results, out);
	fprintf(out, "%-24s %-13s %-11s %-19s %-8s %s\n", "bar", "required", "measured", "[p10 p90 of rounds]", "", "");
	for (unsigned i = 0; i < BARS; i++)
		if (fsyb_matches(bars[i].name, results->options->filter))
			held += judge(&bars[i], results, out);
	fprintf(out, "%u of %u bars hold\n", held, chosen);
	if (results->field.missing_count)
		fprintf(out, "The reference set is not complete: a bar counts only with all of it present.\n");
	return 0;
}
