/* SPDX-License-Identifier: MIT */
/*
 * claims.c - the article's claims one by one: claimed, measured, verdict. The verdict is arithmetic: an effect holds if it has
 * the claimed direction and between half and twice the claimed size; a size in bytes holds if it is equal; and where the rounds
 * spread so far that both no effect and the claimed one lie between their p10 and p90, nothing has been decided.
 */
#include "bench/report.h"
#include <fastsync/error.h>
#include <math.h>
#include <string.h>

enum effect { LESS, MORE, TIMES, AT_MOST, SWING, IS };

struct claim {
	const char *text;
	enum effect effect;
	double claimed;
	enum fsyb_metric metric;
	const char *case_a;
	unsigned threads_a;
	const char *who_a, *case_b;
	unsigned threads_b;
	const char *who_b, *note;
};

static const struct claim claims[] = {
#define STARVATION(...)
#define MEASURED(text, effect, claimed, metric, case_a, threads_a, who_a, case_b, threads_b, who_b, note) \
	{ text, effect, claimed, FSYB_##metric, case_a, threads_a, who_a, case_b, threads_b, who_b, note },
#define ELSEWHERE(...)
#define SOURCE(...)
#include "bench/claims.def"
#undef MEASURED
#undef STARVATION
#undef ELSEWHERE
#undef SOURCE
};

static const struct { const char *text, *claimed, *why; } elsewhere[] = {
#define STARVATION(...)
#define MEASURED(...)
#define ELSEWHERE(text, claimed, why) { text, claimed, why },
#define SOURCE(...)
#include "bench/claims.def"
#undef MEASURED
#undef STARVATION
#undef ELSEWHERE
#undef SOURCE
};

static const struct { const char *said, *fact; } sources[] = {
#define STARVATION(...)
#define MEASURED(...)
#define ELSEWHERE(...)
#define SOURCE(said, fact) { said, fact },
#include "bench/claims.def"
#undef MEASURED
#undef STARVATION
#undef ELSEWHERE
#undef SOURCE
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Only the two languages the claims are about, except in cells that the table has already asked for. */
int
fsyb_claims_need(struct fsyb_results *results)
{
	static const struct fsyb_choice choice = { .names = "go,rust", .releases = true, .selective = true };

	for (unsigned i = 0; i < COUNT(claims); i++) {
		const struct claim *claim = &claims[i];

		if (!fsyb_need(results, claim->case_a, fsyb_cpus(claim->threads_a), &choice) ||
		    (claim->case_b[0] && !fsyb_need(results, claim->case_b, fsyb_cpus(claim->threads_b), &choice)))
			return FSY_ENOMEM;
	}
	return fsyb_starvation_need(results);
}

static const struct fsyb_series *
who(const struct fsyb_cell *cell, const char *name)
{
	const struct fsyb_series *series = strcmp(name, "@go") == 0 ? fsyb_go(cell) : fsyb_find(cell, name);

	return series && !series->error[0] ? series : NULL;
}

/* From the quotient a/b of two times (or sizes, or switches) to the effect in the claim's own terms. */
static double
effect(const struct claim *claim, double quotient)
{
	switch (claim->effect) {
	case LESS: return 100 * (1 - quotient);
	case MORE: return 100 * (1 / quotient - 1);
	case TIMES:
	case AT_MOST: return 1 / quotient;
	case SWING: return 100 * ((quotient > 1 ? quotient : 1 / quotient) - 1);
	case IS: return quotient;
	}
	return NAN;
}

static struct fsyb_figure
measure(const struct fsyb_results *results, const struct claim *claim)
{
	const struct fsyb_cell *cell_a = fsyb_have(results, claim->case_a, fsyb_cpus(claim->threads_a));
	const struct fsyb_cell *cell_b = fsyb_have(results, claim->case_b, fsyb_cpus(claim->threads_b));
	const struct fsyb_series *a = who(cell_a, claim->who_a), *b = who(cell_b, claim->who_b);
	struct fsyb_figure ratio = { NAN, NAN, NAN, 0 };

	if (a && claim->effect == IS) {
		ratio.median = (double)a->candidate->bytes;
		ratio.count = 1;
	} else if (a && b && claim->metric == FSYB_BYTES) {
		ratio.median = effect(claim, (double)a->candidate->bytes / (double)b->candidate->bytes);
		ratio.count = 1;
	} else if (a && b) {
		struct fsyb_figure quotient = fsyb_ratio(cell_a, a, cell_b, b, claim->metric);
		double one = effect(claim, quotient.p10), other = effect(claim, quotient.p90);
		double low = one < other ? one : other, high = one < other ? other : one;

		if (claim->effect == SWING && quotient.p10 < 1 && quotient.p90 > 1)
			low = 0; /* either may be the faster one */
		ratio = (struct fsyb_figure){ effect(claim, quotient.median), low, high, quotient.count };
	}
	return ratio;
}

static const char *
verdict(const struct claim *claim, const struct fsyb_figure *figure)
{
	double measured = figure->median, none = claim->effect == TIMES ? 1 : 0;
	double claimed_size = claim->claimed - none, size = measured - none;

	if (claim->effect == IS)
		return measured >= claim->claimed && measured <= claim->claimed ? "holds" : "does not hold";
	if (claim->effect != AT_MOST && figure->p10 <= none && figure->p90 >= claim->claimed)
		return "undecided: spread";
	if (claim->effect == AT_MOST)
		return measured <= claim->claimed ? "holds" : "does not hold";
	if (size <= 0)
		return size < 0 ? "does not hold: reverse" : "does not hold: none";
	if (size >= claimed_size / 2 && size <= claimed_size * 2)
		return "holds";
	return size < claimed_size ? "does not hold: smaller" : "does not hold: larger";
}

/* Why a claim could not be measured: which of the two is missing. */
static const char *
missing(const struct claim *claim)
{
	if (strcmp(claim->who_b, "go1.22 ") == 0)
		return "needs Go 1.22 and 1.23";
	if (strncmp(claim->who_a, "rust", 4) == 0 || strncmp(claim->who_b, "rust", 4) == 0)
		return "needs Go and Rust";
	return "needs Go";
}

static void
print_claim(const struct fsyb_results *results, const struct claim *claim, FILE *out)
{
	static const char *const units[] = { [LESS] = "%", [MORE] = "%", [TIMES] = "x", [AT_MOST] = "x", [SWING] = "%", [IS] = "" };
	struct fsyb_figure figure = measure(results, claim);
	const char *unit = units[claim->effect];
	char text[64] = "";

	snprintf(text, sizeof text, "%s%.3g%s%s", claim->effect == AT_MOST ? "<= " : "", claim->claimed, *unit == '%' ? " " : "",
	         unit);
	fprintf(out, "%-57s %10s ", claim->text, text);
	if (figure.count == 0 || isnan(figure.median)) {
		fprintf(out, " not measurable here: %s\n", missing(claim));
	} else {
		snprintf(text, sizeof text, "%.3g%s%s", figure.median, *unit == '%' ? " " : "", unit);
		fprintf(out, "%8s ", text);
		if (isnan(figure.p10))
			text[0] = 0;
		else
			snprintf(text, sizeof text, "[%.3g, %.3g]", figure.p10, figure.p90);
		fprintf(out, "%-17s %s\n", text, verdict(claim, &figure));
	}
	if (claim->note[0])
		fprintf(out, "    (%s)\n", claim->note);
}

void
fsyb_claims(const struct fsyb_results *results, FILE *out)
{
	fprintf(out, "\nThe article's claims, on these %u CPUs. A claim holds if the effect has its direction and between half and\n"
	        "twice its size; it is undecided if both no effect and its size lie within the spread of the rounds.\n\n%-57s %10s %8s %-17s %s\n", fsyb_machine.cpu_count, "claim", "claimed", "measured",
	        "[p10, p90]", "verdict");
	for (unsigned i = 0; i < COUNT(claims); i++)
		print_claim(results, &claims[i], out);
	fsyb_starvation(results, out);
	fputc('\n', out);
	for (unsigned i = 0; i < COUNT(elsewhere); i++)
		fprintf(out, "%-57s %10s  not measurable here: %s\n", elsewhere[i].text, elsewhere[i].claimed, elsewhere[i].why);
	fprintf(out, "\nAbout the sources the article says, and the sources say:\n");
	for (unsigned i = 0; i < COUNT(sources); i++)
		fprintf(out, "  %s:\n      %s\n", sources[i].said, sources[i].fact);
}
