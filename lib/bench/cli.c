/* SPDX-License-Identifier: MIT */
/* cli.c - fastsync-bench: options to fsy_bench_run. */
#include "bench/cli/compare.h"
#include <errno.h>
#include <fastsync.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_RESOURCES  1
#define STATUS_USAGE      2

enum { CSV = 256, JSON, QUICK, ALL, BARS, UNPINNED, ARTICLE, SEED, PEERS, ROUND_MS, HOLD_US, COMPARE, THRESHOLD, NO_PROGRESS, SERVE, VERSION };

/* One table: the parser and --help cannot disagree. */
static const struct {
	const char *name, *argument;
	int code;
	const char *help;
} flags[] = {
	{ "filter", "TEXT", 'f', "cases (with --bars: bars) whose name contains TEXT, or matches it if it has * or ?" },
	{ "all", NULL, ALL, "every case, several hours" },
	{ "bars", NULL, BARS, "what the project holds itself to, bar by bar" },
	{ "list", NULL, 'l', "print the cases and the candidates found" },
	{ "quick", NULL, QUICK, "a smoke test: 3 rounds of 20 ms" },
	{ "threads", "LIST", 't', "thread counts of the sweeps: 1,2,64" },
	{ "rounds", "N", 'r', "interleaved rounds, 3 to 101 (default 11)" },
	{ "round-ms", "MS", ROUND_MS, "length of one window, 10 to 10000 (default 100)" },
	{ "hold-us", "US", HOLD_US, "starve cases: how long the others hold the lock, 10 to 1000000 (default: the case's)" },
	{ "candidates", "LIST", 'c', "only these beside libfastsync: beginnings of names, separated by commas" },
	{ "unpinned", NULL, UNPINNED, "leave the placement of workers to the scheduler" },
	{ "article-method", NULL, ARTICLE, "the article's own: 10 runs, 30 s of warm-up before each" },
	{ "json", NULL, JSON, "print JSON" },
	{ "csv", NULL, CSV, "print CSV" },
	{ "output", "FILE", 'o', "write there instead of to standard output" },
	{ "compare", "OLD", COMPARE, "compare two --json files: --compare OLD.json NEW.json" },
	{ "fail-threshold", "PERCENT", THRESHOLD, "with --compare: exit 3 if something significant got slower by more" },
	{ "peers", "DIR", PEERS, "where fastsync-peer-* are (default: FASTSYNC_PEERS, else beside the library)" },
	{ "seed", "N", SEED, "of the workers' random numbers (default: FASTSYNC_SEED, else the clock)" },
	{ "no-progress", NULL, NO_PROGRESS, "no progress line on standard error" },
	{ "version", NULL, VERSION, "print the version" },
	{ "help", NULL, 'h', "print this" },
};
#define FLAGS (sizeof flags / sizeof *flags)

struct request {
	fsy_bench_options_t options;
	const char *output, *old_file, *new_file;
	double threshold;
};

static void
help(void)
{
	printf("usage: fastsync-bench [options]\n"
	       "Measures locks beside Go, Rust, glibc and others. Without options: the article's table and claims.\n\n");
	for (unsigned i = 0; i < FLAGS; i++) {
		char left[32];

		snprintf(left, sizeof left, "--%s%s%s", flags[i].name, flags[i].argument ? " " : "",
		         flags[i].argument ? flags[i].argument : "");
		printf("  %-24s %s\n", left, flags[i].help);
	}
	printf("\nExit status: 0, 1 out of resources, 2 wrong usage, 3 slower than --fail-threshold allows.\n");
}

/* Digits only. */
static bool
number(const char *name, const char *text, unsigned long long least, unsigned long long most, unsigned long long *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && *value >= least && *value <= most)
		return true;
	fprintf(stderr, "fastsync-bench: --%s: '%s' is not a whole number from %llu to %llu\n", name, text, least, most);
	return false;
}

static bool
accept(struct request *request, int code, const char *argument)
{
	fsy_bench_options_t *options = &request->options;
	unsigned long long value = 0;

	switch (code) {
	case 'f': options->filter = argument; break;
	case 'l': options->list = true; break;
	case 't': options->threads = argument; break;
	case 'c': options->candidates = argument; break;
	case 'o': request->output = argument; break;
	case ALL: options->all = true; break;
	case BARS: options->bars = true; break;
	case QUICK: options->quick = true; break;
	case UNPINNED: options->unpinned = true; break;
	case ARTICLE: options->article_method = true; break;
	case JSON: options->format = FSY_BENCH_JSON; break;
	case CSV: options->format = FSY_BENCH_CSV; break;
	case COMPARE: request->old_file = argument; break;
	case PEERS: options->peer_path = argument; break;
	case NO_PROGRESS: options->progress = false; break;
	case 'r':
		if (!number("rounds", argument, 3, 101, &value))
			return false;
		options->rounds = (int)value;
		break;
	case ROUND_MS:
		if (!number("round-ms", argument, 10, 10000, &value))
			return false;
		options->round_ns = (int64_t)value * 1000000;
		break;
	case HOLD_US:
		if (!number("hold-us", argument, 10, 1000000, &value))
			return false;
		options->hold_ns = (int64_t)value * 1000;
		break;
	case SEED:
		if (!number("seed", argument, 0, UINT64_MAX, &value))
			return false;
		options->seed = value;
		break;
	case THRESHOLD:
		if (!number("fail-threshold", argument, 0, 1000, &value))
			return false;
		request->threshold = (double)value;
		break;
	default:
		fprintf(stderr, "fastsync-bench: try --help\n");
		return false;
	}
	return true;
}

static bool
read_arguments(struct request *request, int argc, char **argv)
{
	struct option table[FLAGS + 2] = { { 0 } };
	int code;

	for (unsigned i = 0; i < FLAGS; i++)
		table[i] = (struct option){ flags[i].name, flags[i].argument ? required_argument : no_argument, NULL,
			                    flags[i].code };
	table[FLAGS] = (struct option){ "serve", no_argument, NULL, SERVE };
	while ((code = getopt_long(argc, argv, "f:lt:r:c:o:h", table, NULL)) != -1) {
		if (code == '?')
			return false; /* getopt has said why */
		if (code == 'h' || code == VERSION) {
			if (code == 'h')
				help();
			else
				printf("fastsync-bench %s\n", fsy_version());
			exit(0);
		}
		if (code == SERVE)
			exit(fsy_bench_serve(stdin, stdout) ? 1 : 0);
		if (!accept(request, code, optarg))
			return false;
	}
	if (request->old_file && optind < argc)
		request->new_file = argv[optind++];
	if (optind < argc)
		fprintf(stderr, "fastsync-bench: '%s' is not expected here\n", argv[optind]);
	else if (request->old_file && !request->new_file)
		fprintf(stderr, "fastsync-bench: --compare needs two files\n");
	else
		return true;
	return false;
}

static bool
read_seed(fsy_bench_options_t *options)
{
	const char *text = getenv("FASTSYNC_SEED");
	unsigned long long value = (unsigned long long)fsy_now() | 1;
	char *end;

	if (text) {
		value = strtoull(text, &end, 10);
		if (*text < '0' || *text > '9' || *end) {
			fprintf(stderr, "fastsync-bench: FASTSYNC_SEED=%s: expected a whole number\n", text);
			return false;
		}
	}
	options->seed = value;
	return true;
}

int
main(int argc, char **argv)
{
	struct request request = { .options = { .progress = isatty(STDERR_FILENO), .self = "/proc/self/exe" }, .threshold = -1 };
	FILE *out = stdout;
	int error;

	if (fsy_tune_error_() || !read_seed(&request.options) || !read_arguments(&request, argc, argv))
		return STATUS_USAGE; /* a line about it has been printed */
	if (request.output) {
		out = fopen(request.output, "w");
		if (!out) {
			fprintf(stderr, "fastsync-bench: cannot write %s: %s\n", request.output, strerror(errno));
			return STATUS_USAGE;
		}
	}
	if (request.old_file)
		error = fsyb_compare(request.old_file, request.new_file, request.threshold, out);
	else
		error = fsy_bench_run(&request.options, out);
	if ((fflush(out) != 0 || ferror(out) || (out != stdout && fclose(out) != 0))) {
		fprintf(stderr, "fastsync-bench: cannot write %s: %s\n", request.output ? request.output : "the output",
		        strerror(errno));
		return STATUS_USAGE;
	}
	if (request.old_file)
		return error;
	return error == 0 ? 0 : error == FSY_EINVAL ? STATUS_USAGE : STATUS_RESOURCES;
}
