/* SPDX-License-Identifier: MIT
 * One LMDB database for several processes: lmdb DIR add ME N | die | sum | time ME MS. Its writers exclude each other by a robust process-shared
 * mutex. "add" counts in N transactions; "die" ends within one, by SIGKILL; "sum" prints all counts; "time" adds with 4 threads for so long.
 */
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static MDB_env *env;
static double until;

static void must(int rc, const char *what)
{
	if (rc) {
		fprintf(stderr, "%s: %s\n", what, mdb_strerror(rc));
		exit(1);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Adds one to the count of `who` and to the one that all share. */
static void add(long who, int die)
{
	long keys[2] = { who, 1000 }, count;
	MDB_txn *txn;
	MDB_dbi dbi;

	must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	must(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
	for (int i = 0; i < 2; i++) {
		MDB_val key = { sizeof(long), &keys[i] }, value = { sizeof(long), &count };
		int rc = mdb_get(txn, dbi, &key, &value);

		if (rc != MDB_NOTFOUND)
			must(rc, "get");
		count = (rc ? 0 : *(long *)value.mv_data) + 1;
		value.mv_size = sizeof(long);
		value.mv_data = &count;
		must(mdb_put(txn, dbi, &key, &value, 0), "put");
	}
	if (die)
		raise(SIGKILL);
	must(mdb_txn_commit(txn), "commit");
}

static void sum(void)
{
	MDB_val key, value;
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_dbi dbi;

	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "begin");
	must(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
	must(mdb_cursor_open(txn, dbi, &cursor), "cursor");
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
		printf("%ld: %ld\n", *(long *)key.mv_data, *(long *)value.mv_data);
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
}

static void *work(void *arg)
{
	long *done = arg;

	while (now() < until) {
		add(1, 0);
		(*done)++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long done[4] = { 0 }, n;
	pthread_t thread[4];
	double start = now();
	int i;

	if (argc != 5)
		return 2;
	n = atol(argv[4]);
	must(mdb_env_create(&env), "create");
	must(mdb_env_open(env, argv[1], MDB_NOSYNC, 0600), argv[1]);
	if (!strcmp(argv[2], "sum")) {
		sum();
	} else if (!strcmp(argv[2], "die")) {
		add(2000, 1);
	} else if (!strcmp(argv[2], "add")) {
		while (n-- > 0)
			add(atol(argv[3]), 0);
	} else {
		until = start + (double)n / 1e3;
		for (i = 0; i < 4; i++)
			pthread_create(&thread[i], NULL, work, &done[i]);
		for (i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
		printf("%.0f\n", (double)(done[0] + done[1] + done[2] + done[3]) / (now() - start));
	}
	mdb_env_close(env);
	return 0;
}
