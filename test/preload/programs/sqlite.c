/* SPDX-License-Identifier: MIT
 * SQLite from several threads: sqlite rows N | time MS. Half of them share one connection, the others have their own to the same database in
 * memory. Each inserts its own rows and reads a sum back. Prints the sum and SQLite's own check, or rows a second.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS 8
#define NAME "file:memory?mode=memory&cache=shared"

static sqlite3 *common;
static long rows, done[THREADS];
static double until;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int rc, sqlite3 *db, const char *what)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return;
	fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

/* A shared cache answers "locked" while another connection writes: once more, until it works. */
static int step(sqlite3_stmt *s)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_LOCKED || rc == SQLITE_BUSY)
		sqlite3_reset(s);
	return rc;
}

static void *work(void *arg)
{
	long me = (long)arg, i;
	sqlite3 *db = common;
	sqlite3_stmt *put, *sum;

	if (me % 2)
		must(sqlite3_open_v2(NAME, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, NULL), db, "open");
	sqlite3_busy_timeout(db, 60000);
	sqlite3_prepare_v2(db, "insert into t(who, n) values(?, ?)", -1, &put, NULL);
	sqlite3_prepare_v2(db, "select count(*), sum(n) from (select n from t where who = ? order by n desc limit 10)", -1, &sum, NULL);
	for (i = 0; until ? now() < until : i < rows; i++) {
		sqlite3_bind_int64(put, 1, me);
		sqlite3_bind_int64(put, 2, i);
		must(step(put), db, "insert");
		sqlite3_reset(put);
		if (i % 16 == 0) {
			sqlite3_bind_int64(sum, 1, me);
			must(step(sum), db, "sum");
			sqlite3_reset(sum);
		}
	}
	done[me] = i;
	sqlite3_finalize(put);
	sqlite3_finalize(sum);
	if (me % 2)
		sqlite3_close(db);
	return NULL;
}

static int print(void *arg, int n, char **value, char **name)
{
	(void)arg;
	for (int i = 0; i < n; i++)
		printf("%s: %s\n", name[i], value[i]);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread[THREADS];
	double start = now();
	long all = 0, i;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "time"))
		until = start + atof(argv[2]) / 1e3;
	rows = atol(argv[2]);
	must(sqlite3_open_v2(NAME, &common, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, NULL), common, "open");
	must(sqlite3_exec(common, "create table t(who integer, n integer); create index i on t(who, n)", NULL, NULL, NULL), common, "create");
	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < THREADS; i++)
		all += done[i];
	if (until)
		printf("%.0f\n", (double)all / (now() - start));
	else
		must(sqlite3_exec(common, "select who, count(*), sum(n) from t group by who; pragma integrity_check", print, NULL, NULL), common, "read");
	sqlite3_close(common);
	return 0;
}
