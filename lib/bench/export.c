/* SPDX-License-Identifier: MIT */
/*
 * export.c - everything measured, for programs. JSON has google-benchmark's top-level keys, so that its dashboards read
 * it, and each round's figure besides, which --compare needs.
 */
#include "bench/report.h"
#include <math.h>
#include <string.h>

static void
print_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
	fputc('"', out);
}

static void
print_fact(const char *key, const char *value, void *arg)
{
	FILE *out = arg;

	fprintf(out, "    ");
	print_string(out, key);
	fprintf(out, ": ");
	print_string(out, value);
	fprintf(out, ",\n");
}

/* JSON has no NaN. */
static void
print_number(FILE *out, const char *key, double value)
{
	if (!isnan(value) && !isinf(value))
		fprintf(out, ", \"%s\": %.6g", key, value);
}

static void
print_series(const struct fsyb_cell *cell, const struct fsyb_series *series, FILE *out)
{
	struct fsyb_figure ns = fsyb_figure(cell, series, FSYB_NS);
	bool first = true;

	fprintf(out, "    {\"name\": \"%s/threads:%u/%s\", \"case\": \"%s\", \"candidate\": \"%s\", \"threads\": %u", cell->what->name,
	        cell->threads, series->candidate->name, cell->what->name, series->candidate->name, cell->threads);
	if (series->error[0]) {
		fprintf(out, ", \"error_occurred\": true, \"error_message\": ");
		print_string(out, series->error);
		fprintf(out, "}");
		return;
	}
	fprintf(out, ", \"repetitions\": %u, \"time_unit\": \"ns\"", ns.count);
	print_number(out, "real_time", ns.median);
	print_number(out, "p10", ns.p10);
	print_number(out, "p90", ns.p90);
	print_number(out, "items_per_second", ns.median > 0 ? 1e9 / ns.median : NAN);
	print_number(out, "min_max", fsyb_figure(cell, series, FSYB_MINMAX).median);
	print_number(out, "jain", fsyb_figure(cell, series, FSYB_JAIN).median);
	print_number(out, "switches_per_1000", fsyb_figure(cell, series, FSYB_SWITCHES).median);
	if (series->candidate->ours && series->candidate->impl)
		print_number(out, "futex_per_op", fsyb_figure(cell, series, FSYB_FUTEX).median);
	if (series->histogram) {
		print_number(out, "wait_p50", fsyb_histogram_quantile(series->histogram, 0.5));
		print_number(out, "wait_p99", fsyb_histogram_quantile(series->histogram, 0.99));
		print_number(out, "wait_p999", fsyb_histogram_quantile(series->histogram, 0.999));
		print_number(out, "wait_max", fsyb_figure(cell, series, FSYB_LONGEST).median);
	}
	if (cell->what->shape == FSYB_HOLDS) {
		print_number(out, "served_per_second", fsyb_figure(cell, series, FSYB_TRIED).median);
		print_number(out, "others_per_second", fsyb_figure(cell, series, FSYB_OTHERS).median);
		print_number(out, "longest_wait", fsyb_figure(cell, series, FSYB_LONGEST).median);
		print_number(out, "wait_not_over", fsyb_figure(cell, series, FSYB_PENDING).median);
		print_number(out, "passed_by", fsyb_figure(cell, series, FSYB_PASSED).median);
		print_number(out, "phases_passed", fsyb_figure(cell, series, FSYB_PHASES).median);
	}
	if (cell->what->shape == FSYB_NODES)
		print_number(out, "local_handovers", fsyb_figure(cell, series, FSYB_LOCAL).median);
	fprintf(out, ", \"bytes\": %zu, \"noisy\": %s, \"samples\": [", series->candidate->bytes,
	        fsyb_weather_noisy(&cell->weather) ? "true" : "false");
	for (unsigned i = 0; i < cell->rounds; i++)
		if (series->samples[i].valid) {
			fprintf(out, "%s%.6g", first ? "" : ", ", series->samples[i].ns);
			first = false;
		}
	fprintf(out, "]}");
}

void
fsyb_export_json(const struct fsyb_results *results, FILE *out)
{
	bool first = true;

	fprintf(out, "{\n  \"context\": {\n");
	fsyb_host_facts(results, print_fact, out);
	fprintf(out, "    \"quick\": %s\n  },\n  \"benchmarks\": [\n", results->options->quick ? "true" : "false");
	for (unsigned i = 0; i < results->count; i++)
		for (unsigned j = 0; results->cells[i]->measured && j < results->cells[i]->count; j++) {
			fprintf(out, "%s", first ? "" : ",\n");
			print_series(results->cells[i], &results->cells[i]->series[j], out);
			first = false;
		}
	fprintf(out, "\n  ]\n}\n");
}

void
fsyb_export_csv(const struct fsyb_results *results, FILE *out)
{
	fprintf(out, "case,threads,candidate,ns,p10,p90,rounds,min_max,jain,switches_per_1000,longest_wait_ns,noisy,error\n");
	for (unsigned i = 0; i < results->count; i++)
		for (unsigned j = 0; results->cells[i]->measured && j < results->cells[i]->count; j++) {
			const struct fsyb_cell *cell = results->cells[i];
			const struct fsyb_series *series = &cell->series[j];
			struct fsyb_figure ns = fsyb_figure(cell, series, FSYB_NS);

			fprintf(out, "%s,%u,\"%s\",", cell->what->name, cell->threads, series->candidate->name);
			if (ns.count)
				fprintf(out, "%.6g,%.6g,%.6g,%u,%.4g,%.4g,%.4g,%.6g,%d,", ns.median, ns.p10, ns.p90, ns.count,
				        fsyb_figure(cell, series, FSYB_MINMAX).median,
				        fsyb_figure(cell, series, FSYB_JAIN).median,
				        fsyb_figure(cell, series, FSYB_SWITCHES).median,
				        fsyb_figure(cell, series, FSYB_LONGEST).median,
				        fsyb_weather_noisy(&cell->weather));
			else
				fprintf(out, ",,,0,,,,,,");
			fprintf(out, "\"%s\"\n", series->error);
		}
}
