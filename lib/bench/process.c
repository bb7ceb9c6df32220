/* SPDX-License-Identifier: MIT */
/* process.c - candidates in other processes: started once, asked for one window at a time over a pair of pipes, so that
 * their rounds interleave with everybody else's. Between questions they sleep. */
#include "bench/answer.h"
#include "bench/results.h"
#include <errno.h>
#include <fastsync/time.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#define FSYB_ANSWER_S 60 /* beyond the length of the window */

struct fsyb_process {
	pid_t pid;
	int to, from;
	char *line;      /* the last answer */
	size_t room, held;
	bool dead;
};

struct fsyb_process *
fsyb_process_start(const char *path, char *const argv[], char *const envp[])
{
	struct fsyb_process *process = calloc(1, sizeof *process);
	posix_spawn_file_actions_t actions;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, error = EIO;

	if (process && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0) {
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
		posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
		error = posix_spawn(&process->pid, path, &actions, NULL, argv, envp);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(in[0]);
	close(out[1]);
	if (error) {
		close(in[1]);
		close(out[0]);
		free(process);
		return NULL;
	}
	process->to = in[1];
	process->from = out[0];
	fsyb_weather_own(process->pid, true);
	return process;
}

static void
give_up(struct fsyb_process *process)
{
	if (process->dead)
		return;
	process->dead = true;
	kill(process->pid, SIGKILL);
	fsyb_weather_own(process->pid, false);
	waitpid(process->pid, NULL, 0);
	close(process->to);
	close(process->from);
}

void
fsyb_process_stop(struct fsyb_process *process)
{
	if (!process->dead) {
		close(process->to); /* end of file ends it */
		process->to = -1;
		fsyb_weather_own(process->pid, false);
		waitpid(process->pid, NULL, 0);
		close(process->from);
	}
	free(process->line);
	free(process);
}

/* The next line, without its newline; NULL after the deadline or the process's end. */
static const char *
read_line(struct fsyb_process *process, int64_t deadline)
{
	process->held = 0;
	for (;;) {
		struct pollfd ready = { .fd = process->from, .events = POLLIN };
		int64_t left = (deadline - fsy_now()) / 1000000;
		ssize_t got;

		if (process->held + 4096 > process->room) {
			char *more = realloc(process->line, process->room + 65536);

			if (!more)
				return NULL;
			process->line = more;
			process->room += 65536;
		}
		if (left <= 0 || poll(&ready, 1, (int)left) == 0)
			return NULL;
		got = read(process->from, process->line + process->held, process->room - process->held - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		process->held += (size_t)got;
		process->line[process->held] = 0;
		if (process->line[process->held - 1] == '\n') {
			process->line[process->held - 1] = 0;
			return process->line;
		}
	}
}

static const char *
ask(struct fsyb_process *process, const char *question, int64_t patience_ns)
{
	size_t length = strlen(question), sent = 0;
	void (*previous)(int) = signal(SIGPIPE, SIG_IGN);
	const char *answer = NULL;

	while (!process->dead && sent < length) {
		ssize_t wrote = write(process->to, question + sent, length - sent);

		if (wrote < 0 && errno != EINTR)
			break;
		sent += wrote > 0 ? (size_t)wrote : 0;
	}
	signal(SIGPIPE, previous);
	if (!process->dead && sent == length)
		answer = read_line(process, fsy_now() + patience_ns);
	if (!answer)
		give_up(process);
	return answer;
}

/* As sample.c does for windows in this process. */
static void
check_datum(const struct fsyb_candidate *candidate, const char *answer, struct fsyb_sample *sample)
{
	double expected = fsyb_answer_number(answer, "total", 0), found = fsyb_answer_number(answer, "datum", -1);

	if (fsyb_answer_find(answer, "checked"))
		return;
	if (fsyb_named(candidate->kind, FSYB_RW "," FSYB_HOLD))
		expected = fsyb_answer_number(answer, "total_writes", 0);
	else if (fsyb_named(candidate->kind, FSYB_FANOUT "," FSYB_HANDED))
		expected = 0; /* broken promises */
	else if (!fsyb_named(candidate->kind, FSYB_MUTEX "," FSYB_ATOMIC "," FSYB_COND "," FSYB_BROADCAST "," FSYB_WAITGROUP))
		return;
	if (found >= expected && found <= expected)
		return;
	snprintf(sample->error, sizeof sample->error, "BROKEN: the datum is %.0f after %.0f operations", found, expected);
	sample->valid = false;
}

static void
write_question(char *question, size_t size, const struct fsyb_candidate *candidate, const struct fsyb_load *load)
{
	char span[64], own[64] = "";

	if (load->ops)
		snprintf(span, sizeof span, "ops=%llu", (unsigned long long)load->ops);
	else
		snprintf(span, sizeof span, "ms=%lld", (long long)(load->window_ns / 1000000));
	if (load->alone || load->nodes) /* understood by serve.c only */
		snprintf(own, sizeof own, " alone=%d nodes=%d", load->alone, load->nodes);
	if (load->writer)
		snprintf(own, sizeof own, " writer=1");
	if (load->hold_ns)
		snprintf(own, sizeof own, " hold_us=%lld", (long long)(load->hold_ns / 1000));
	snprintf(question, size, "run impl=%s kind=%s threads=%u section=%u outside=%u write_permille=%u warm_ms=%lld "
	         "latency=%d tsc_khz=%llu seed=%llu %s%s\n", candidate->remote, candidate->kind, load->threads,
	         load->section, load->outside, load->write_permille, (long long)(load->warm_ns / 1000000), load->latency,
	         load->latency ? (unsigned long long)fsyb_machine.tsc_khz : 0, (unsigned long long)load->seed >> 1, span, own);
}

void
fsyb_process_run(const struct fsyb_candidate *candidate, const struct fsyb_load *load, struct fsyb_sample *sample)
{
	char question[512];
	const char *answer;
	double *ops, counts[FSYB_HISTOGRAM];
	unsigned buckets;

	write_question(question, sizeof question, candidate, load);
	answer = ask(candidate->process, question, load->window_ns + load->warm_ns + FSYB_ANSWER_S * INT64_C(1000000000));
	if (!answer) {
		snprintf(sample->error, sizeof sample->error, "the process does not answer");
		return;
	}
	if (fsyb_answer_find(answer, "error")) { /* an empty one: nothing was done in the window, which is no error and no figure */
		fsyb_answer_string(answer, "error", sample->error, sizeof sample->error);
		return;
	}
	ops = calloc(load->threads, sizeof *ops);
	sample->elapsed_ns = fsyb_answer_number(answer, "elapsed_ns", 0);
	if (!ops || fsyb_answer_array(answer, "ops", ops, load->threads) != load->threads) {
		snprintf(sample->error, sizeof sample->error, "the process's answer is not understood");
		free(ops);
		return;
	}
	fsyb_summarize(sample, ops, load->threads);
	free(ops);
	check_datum(candidate, answer, sample);
	if (!sample->valid)
		return;
	sample->switches = 1000 * (fsyb_answer_number(answer, "vcsw", 0) + fsyb_answer_number(answer, "ivcsw", 0)) /
	                   sample->ops;
	sample->longest_ns = fsyb_answer_number(answer, "longest_ns", 0);
	sample->passed = fsyb_answer_number(answer, "passed", 0);
	sample->phases = fsyb_answer_number(answer, "phases", 0);
	sample->pending = fsyb_answer_number(answer, "pending", 0);
	sample->local = fsyb_answer_number(answer, "local", 0);
	sample->remote = fsyb_answer_number(answer, "remote", 0);
	if (!sample->histogram)
		return;
	buckets = fsyb_answer_array(answer, "hist", counts, FSYB_HISTOGRAM);
	for (unsigned i = 0; i < buckets; i++)
		sample->histogram[i] = (uint64_t)counts[i];
}

int
fsyb_process_list(struct fsyb_field *field, const char *path, char *const argv[], char *const envp[], const char *prefix)
{
	static const char *const kinds[] = { FSYB_MUTEX, FSYB_RW, FSYB_ATOMIC, FSYB_ONCE, FSYB_POOL, FSYB_ARRAY,
		                             FSYB_FETCH_MAX, FSYB_FETCH_MIN, FSYB_SLEEPERS,
		                             FSYB_EMPTY, FSYB_LIMIT, FSYB_COND, FSYB_BROADCAST, FSYB_WAITGROUP,
		                             FSYB_FANOUT, FSYB_BARRIER, FSYB_HANDED, FSYB_MILLION, FSYB_HOLD };
	struct fsyb_process *process = fsyb_process_start(path, argv, envp);
	char version[64] = "", name[FSYB_NAME], kind[16];
	const char *line = process ? ask(process, "version\n", 10000000000) : NULL;
	int found = 0;

	if (line)
		fsyb_answer_string(line, "version", version, sizeof version);
	line = line ? ask(process, "list\n", 10000000000) : NULL;
	for (; line && (line = strchr(line + 1, '{')) != NULL && (line = strstr(line, "\"impl\"")) != NULL;) {
		struct fsyb_candidate *candidate;

		if (!fsyb_answer_string(line, "kind", kind, sizeof kind))
			break;
		candidate = fsyb_field_add(field);
		if (!candidate)
			break;
		fsyb_answer_string(line, "impl", candidate->remote, sizeof candidate->remote);
		fsyb_answer_string(line, "name", name, sizeof name);
		snprintf(candidate->name, sizeof candidate->name, "%s%s", prefix, name);
		if (!fsyb_answer_string(line, "edition", candidate->version, sizeof candidate->version))
			snprintf(candidate->version, sizeof candidate->version, "%s", version);
		candidate->bytes = (size_t)fsyb_answer_number(line, "bytes", 0);
		candidate->ours = fsyb_answer_number(line, "ours", 0) > 0;
		candidate->parks = fsyb_answer_number(line, "parks", 0) > 0;
		candidate->process = process;
		for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
			if (strcmp(kind, kinds[i]) == 0)
				candidate->kind = kinds[i];
		found++;
	}
	if (process && !found)
		fsyb_process_stop(process);
	return found;
}
