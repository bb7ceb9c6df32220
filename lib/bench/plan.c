/* SPDX-License-Identifier: MIT */
/* plan.c - which cells there are, and who takes part in them. */
#include "bench/results.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell with one worker costs little: it gets this many rounds for each round of the others. */
#define FSYB_ALONE_ROUNDS 3

/* One of the starvation experiment is long, and its outcome is plain: it gets a round for so many of the others, but three. */
#define FSYB_HOLDS_SHARE 3

/* Other ways to call or to set up a lock that is in the field already: of interest where somebody asks for them, and in sweeps. */
static const char variants[] = "libfastsync .so,libfastsync readers off,libfastsync poison,libfastsync poison guard,libfastsync fair,"
                               "libfastsync fair strict,C11 mtx,glibc errorcheck,glibc recursive,glibc robust,parking_lot fair,"
                               "parking_lot reentrant";

/* RCU is nothing to write under: up to so many writes per mille. */
#define FSYB_REFERENCE_WRITES 1

bool
fsyb_alone(const struct fsyb_cell *cell)
{
	return cell->what->shape == FSYB_ALONE || cell->what->shape == FSYB_SINGLE;
}

/* A comma-separated list of names or beginnings of names; ours and the empty loop are always in. */
static bool
wanted(const struct fsyb_candidate *candidate, const char *list)
{
	return !list || candidate->ours || strcmp(candidate->kind, FSYB_EMPTY) == 0 || fsyb_named(candidate->name, list);
}

static bool
listed(const char *list, const char *name)
{
	size_t length;

	for (; list && *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (length == strlen(name) && memcmp(list, name, length) == 0)
			return true;
	}
	return false;
}

void
fsyb_ask_for(struct fsyb_choice *choice, const char *name)
{
	size_t length = strlen(choice->with);

	if (listed(variants, name) && !listed(choice->with, name) && length + strlen(name) + 2 <= sizeof choice->with)
		snprintf(choice->with + length, sizeof choice->with - length, "%s%s", length ? "," : "", name);
}

static bool
takes_part(const struct fsyb_candidate *candidate, const struct fsyb_cell *cell)
{
	const char *kind = cell->what->kind;

	if (candidate->max_threads && candidate->max_threads < cell->threads)
		return false;
	if (strncmp(candidate->name, "go1.", 4) == 0 && !cell->choice.releases)
		return false;
	if (cell->choice.parks && !candidate->parks && strcmp(candidate->kind, FSYB_EMPTY) != 0 &&
	    strcmp(candidate->kind, FSYB_LIMIT) != 0)
		return false;
	if (listed(cell->choice.without, candidate->name) ||
	    (cell->choice.selective && listed(variants, candidate->name) && !listed(cell->choice.with, candidate->name)))
		return false;
	if (strcmp(kind, FSYB_SLEEPERS) == 0 && (strcmp(candidate->name, "libfastsync") == 0 ||
	                                         strcmp(candidate->name, "empty mutex") == 0))
		kind = FSYB_MUTEX;
	if (strcmp(candidate->kind, FSYB_LIMIT) == 0)
		return strcmp(cell->what->name, "mutex/uncontended") == 0;
	if (strcmp(candidate->kind, FSYB_EMPTY) == 0)
		return fsyb_alone(cell) && (candidate->process && cell->what->shape == FSYB_ALONE
		                               ? strcmp(kind, FSYB_MUTEX) == 0 && strcmp(cell->what->kind, FSYB_MUTEX) == 0
		                               : strcmp(candidate->name + 6, kind) == 0);
	if (cell->what->shape == FSYB_NODES && !candidate->ours)
		return false;
	if (candidate->reference && cell->what->write_permille > FSYB_REFERENCE_WRITES)
		return false;
	if (candidate->ours && candidate->process && cell->what->shape != FSYB_NODES && fsyb_stamped(cell->what))
		return false; /* our own co-processes do not tell their waits */
	return strcmp(candidate->kind, kind) == 0;
}

static struct fsyb_field *
field_of(struct fsyb_results *results, const struct fsyb_cell *cell)
{
	if (cell->what->shape == FSYB_SINGLE)
		return &results->child;
	if (cell->what->shape == FSYB_NODES)
		return &results->nodes;
	return &results->field;
}

static bool
fill(struct fsyb_results *results, struct fsyb_cell *cell)
{
	const struct fsyb_field *field = field_of(results, cell);
	bool waits = fsyb_stamped(cell->what);

	cell->series = calloc(field->count + 1, sizeof *cell->series);
	for (unsigned i = 0; cell->series && i < field->count; i++) {
		struct fsyb_series *series = &cell->series[cell->count];

		if (!field->candidates[i].kind || !takes_part(&field->candidates[i], cell) ||
		    !wanted(&field->candidates[i], results->options->candidates) ||
		    !wanted(&field->candidates[i], cell->choice.names))
			continue;
		series->candidate = &field->candidates[i];
		series->samples = calloc(cell->rounds, sizeof *series->samples);
		series->histogram = waits ? calloc(2 * FSYB_HISTOGRAM, sizeof *series->histogram) : NULL;
		if (!series->samples || (waits && !series->histogram))
			return false;
		cell->count++;
	}
	return cell->series != NULL;
}

struct fsyb_cell *
fsyb_need(struct fsyb_results *results, const char *name, unsigned threads, const struct fsyb_choice *choice)
{
	const struct fsyb_case *what = fsyb_case(name);
	struct fsyb_cell *cell;

	for (unsigned i = 0; i < results->count; i++)
		if (results->cells[i]->what == what && results->cells[i]->threads == threads)
			return results->cells[i];
	if (!what || results->count == sizeof results->cells / sizeof *results->cells)
		return NULL;
	cell = calloc(1, sizeof *cell);
	if (!cell)
		return NULL;
	cell->what = what;
	cell->threads = threads;
	if (choice)
		cell->choice = *choice;
	cell->rounds = (unsigned)results->options->rounds;
	if (fsyb_alone(cell) && !results->options->article_method)
		cell->rounds *= FSYB_ALONE_ROUNDS;
	if (what->shape == FSYB_HOLDS)
		cell->rounds = cell->rounds / FSYB_HOLDS_SHARE < 3 ? 3 : cell->rounds / FSYB_HOLDS_SHARE;
	results->cells[results->count++] = cell;
	if (!fill(results, cell))
		return NULL;
	return cell;
}

const struct fsyb_cell *
fsyb_have(const struct fsyb_results *results, const char *name, unsigned threads)
{
	for (unsigned i = 0; i < results->count; i++)
		if (results->cells[i]->measured && strcmp(results->cells[i]->what->name, name) == 0 &&
		    results->cells[i]->threads == threads)
			return results->cells[i];
	return NULL;
}

void
fsyb_results_close(struct fsyb_results *results)
{
	for (unsigned i = 0; i < results->count; i++) {
		struct fsyb_cell *cell = results->cells[i];

		for (unsigned j = 0; j < cell->count; j++) {
			free(cell->series[j].samples);
			free(cell->series[j].histogram);
		}
		free(cell->series);
		free(cell);
	}
	fsyb_field_close(&results->field);
	fsyb_field_close(&results->child);
	fsyb_field_close(&results->nodes);
}
