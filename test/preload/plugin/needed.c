/* SPDX-License-Identifier: MIT */
/* needed.c - a library whose constructor and destructor start threads and fight for locks of every sort. */
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

int needed_ran;
void needed_use(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static long counter;
static int runs;

static void
run(void)
{
	runs++;
}

static void *
work(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_lock(&recursive);
		pthread_mutex_lock(&recursive);
		counter++;
		pthread_mutex_unlock(&recursive);
		pthread_mutex_unlock(&recursive);
		pthread_mutex_unlock(&mutex);
	}
	pthread_once(&once, run);
	return arg;
}

void
needed_use(void)
{
	long before = counter;
	pthread_t thread[4];
	sem_t sem;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, work, NULL) != 0)
			_exit(6);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	if (counter != before + 80000 || runs != 1)
		_exit(7);
	if (sem_init(&sem, 0, 0) != 0 || sem_post(&sem) != 0 || sem_wait(&sem) != 0)
		_exit(8);
}

__attribute__((constructor)) static void
begin(void)
{
	needed_use();
	needed_ran = 1;
}

__attribute__((destructor)) static void
end(void)
{
	needed_use();
}
