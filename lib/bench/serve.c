/* SPDX-License-Identifier: MIT */
/*
 * serve.c - this library as a co-process, by the protocol of peers/go/PROTOCOL.md: for measurements that need a process of
 * their own, with one thread (alone=1) or with an environment that is read at load (nodes=, virtual NUMA nodes).
 */
#include "bench/answer.h"
#include "bench/harness.h"
#include <fastsync/error.h>
#include <fastsync/stats.h>

static void
list(const struct fsyb_field *field, FILE *out)
{
	fprintf(out, "{\"impls\":[");
	for (unsigned i = 0; i < field->count; i++) {
		const struct fsyb_candidate *candidate = &field->candidates[i];

		fprintf(out, "%s{\"impl\":\"%u\",\"kind\":\"%s\",\"name\":\"%s\",\"edition\":\"%s\",\"bytes\":%zu,\"parks\":%d,\"ours\":%d}",
		        i ? "," : "", i, candidate->kind, candidate->name, candidate->version, candidate->bytes, candidate->parks,
		        candidate->ours);
	}
	fprintf(out, "]}\n");
}

static const char *
option(const char *question, const char *key)
{
	char pattern[32];
	const char *found;

	snprintf(pattern, sizeof pattern, " %s=", key);
	found = strstr(question, pattern);
	return found ? found + strlen(pattern) : NULL;
}

static uint64_t
number(const char *question, const char *key)
{
	const char *text = option(question, key);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* The window has checked its datum. Shares are told by the extremes, or, of hold loops, by worker 0's: nobody asks this process for more. */
static void
answer_sample(const struct fsyb_load *load, const struct fsyb_sample *sample, FILE *out)
{
	double first = load->hold_ns ? sample->tried : load->threads > 1 ? sample->share_min : sample->ops;
	double second = load->hold_ns ? sample->others / (load->threads - 1) : sample->share_max;

	fprintf(out, "{\"checked\":1,\"elapsed_ns\":%.0f,\"ops\":[%.0f", sample->elapsed_ns, first);
	for (unsigned i = 1; i < load->threads; i++)
		fprintf(out, ",%.2f", i == 1 ? second : (sample->ops - first - second) / (load->threads - 2));
	fprintf(out, "],\"vcsw\":%.0f,\"ivcsw\":0,\"local\":%.0f,\"remote\":%.0f,\"longest_ns\":%.0f,\"passed\":%.0f,\"phases\":%.0f,"
	        "\"pending\":%.0f}\n", sample->switches * sample->ops / 1000, sample->local, sample->remote, sample->longest_ns, sample->passed,
	        sample->phases, sample->pending);
}

static void
answer_run(const struct fsyb_field *field, const char *question, FILE *out)
{
	uint64_t impl = option(question, "impl") ? number(question, "impl") : UINT64_MAX;
	struct fsyb_load load = {
		.threads = (unsigned)number(question, "threads"), .section = (uint32_t)number(question, "section"),
		.outside = (uint32_t)number(question, "outside"),
		.write_permille = (uint32_t)number(question, "write_permille"), .ops = number(question, "ops"),
		.window_ns = (int64_t)number(question, "ms") * 1000000,
		.warm_ns = (int64_t)number(question, "warm_ms") * 1000000, .alone = number(question, "alone") != 0,
		.nodes = (int)number(question, "nodes"), .seed = number(question, "seed"),
		.hold_ns = (int64_t)number(question, "hold_us") * 1000,
	};
	struct fsyb_sample sample = { .valid = false };

	if (impl >= field->count || load.threads == 0 || (load.ops == 0) == (load.window_ns == 0) ||
	    (load.alone && load.ops == 0)) {
		fprintf(out, "{\"error\":\"bad run\"}\n");
		return;
	}
	if (!load.alone && fsyb_companion() != 0) {
		fprintf(out, "{\"error\":\"cannot start a thread\"}\n");
		return;
	}
	fsyb_window(&field->candidates[impl], &load, &sample);
	if (!sample.valid) {
		fprintf(out, "{\"error\":\"%s\"}\n", sample.error);
		return;
	}
	answer_sample(&load, &sample, out);
}

int
fsy_bench_serve(FILE *in, FILE *out)
{
	static struct fsyb_field field;
	char question[1024];
	int error = fsyb_field_open(&field, NULL, false);

	if (error)
		return error;
	fsyb_machine_measure();
	while (fgets(question, sizeof question, in)) {
		question[strcspn(question, "\n")] = 0;
		if (strcmp(question, "quit") == 0)
			break;
		if (strcmp(question, "version") == 0)
			fprintf(out, "{\"protocol\":1,\"version\":\"\"}\n");
		else if (strcmp(question, "list") == 0)
			list(&field, out);
		else if (strncmp(question, "run ", 4) == 0)
			answer_run(&field, question, out);
		else
			fprintf(out, "{\"error\":\"unknown command\"}\n");
		if (fflush(out) != 0)
			break;
	}
	fsyb_field_close(&field);
	fsyb_machine_close();
	return 0;
}
