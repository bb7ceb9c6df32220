/* SPDX-License-Identifier: MIT */
/*
 * children.c - the same library in processes of their own, for what is decided when a process starts: whether it has one
 * thread, how many NUMA nodes it sees, which of our modes are on, whose malloc it has.
 */
#include "bench/report.h"
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* With these additions to the environment in front. */
static void
start_child(const fsy_bench_options_t *options, struct fsyb_field *field, const char *addition)
{
	char peers[4200] = "FASTSYNC_SELF=bench"; /* a harmless place-holder: FASTSYNC_PEERS is then the inherited one */
	char *argv[] = { (char *)(uintptr_t)options->self, (char *)(uintptr_t)"--serve", NULL };
	size_t count = 0;
	char **environment;

	if (options->peer_path)
		snprintf(peers, sizeof peers, "FASTSYNC_PEERS=%s", options->peer_path);
	while (environ[count])
		count++;
	environment = calloc(count + 3, sizeof *environment);
	if (!environment)
		return;
	environment[0] = (char *)(uintptr_t)addition;
	environment[1] = peers;
	memcpy(environment + 2, environ, count * sizeof *environment);
	fsyb_process_list(field, options->self, argv, environment, "");
	free(environment);
}

/* Of a child's candidates only some take part beside this process's own: those of these kinds and of this name, under another,
 * or, without a name, those that have one which is new. */
static void
start_variant(struct fsyb_results *results, const char *addition, const char *kinds, const char *name, const char *as)
{
	struct fsyb_field *field = &results->field;
	unsigned before = field->count, kept = before;
	struct fsyb_process *process;

	start_child(results->options, field, addition);
	process = field->count > before ? field->candidates[before].process : NULL;
	for (unsigned i = before; i < field->count; i++) {
		struct fsyb_candidate *candidate = &field->candidates[i];
		bool known = false;

		for (unsigned j = 0; j < before && !name; j++)
			known |= strcmp(field->candidates[j].name, candidate->name) == 0;
		if (!candidate->kind || !fsyb_named(candidate->kind, kinds) || known || (name && strcmp(candidate->name, name) != 0))
			continue;
		if (as)
			snprintf(candidate->name, sizeof candidate->name, "%s", as);
		field->candidates[kept++] = *candidate;
	}
	field->count = kept;
	if (process && kept == before)
		fsyb_process_stop(process);
}

void
fsyb_children_start(struct fsyb_results *results)
{
	const fsy_bench_options_t *options = results->options;

	if (!options->self)
		return;
	start_child(options, &results->child, "LC_ALL=C");
	start_child(options, &results->nodes, "FASTSYNC_TOPOLOGY=8");
	start_variant(results, "FASTSYNC_READERS=off", FSYB_RW, "libfastsync", "libfastsync readers off");
	start_variant(results, "FASTSYNC_TENURE_NS=0", FSYB_RW "," FSYB_HOLD, "libfastsync fair", "libfastsync fair strict");
	for (unsigned i = 0; i < results->field.allocator_count; i++) {
		char preload[300];

		snprintf(preload, sizeof preload, "LD_PRELOAD=%s", results->field.allocators[i]);
		start_variant(results, preload, FSYB_POOL "," FSYB_HANDED, NULL, NULL);
	}
}
