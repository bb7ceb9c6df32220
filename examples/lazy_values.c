/* SPDX-License-Identifier: MIT */
/*
 * lazy_values.c - values that are made when they are first needed.
 *
 * A cell may be filled by anybody, once; a failed attempt leaves it empty. A stored function runs once, and its failure is final. A table
 * that everybody reads and nobody writes gets a copy on each NUMA node.
 */
#include <fastsync.h>

#include <pthread.h>
#include <stdio.h>

static fsy_lazy_t settings = FSY_LAZY_INIT;
static bool file_is_there;

static int
load(void **value, void *path)
{
	printf("loading %s\n", (const char *)path);
	if (!file_is_there)
		return FSY_EAGAIN;
	*value = path;
	return 0;
}

static void *
reader(void *arg)
{
	void *value;

	/* Waits for whoever is first; never loads a second time. */
	return fsy_lazy_get_or_init(&settings, load, arg, &value) == 0 ? value : NULL;
}

static int
parse(void **value, void *text)
{
	(void)value;
	printf("parsing %s\n", (const char *)text);
	return FSY_EINVAL;
}

static fsy_lazy_fn_t pattern = FSY_LAZY_FN_INIT(parse, "a(b");

static const int squares[] = { 0, 1, 4, 9, 16, 25 };
static fsy_lazy_node_t replicas;

int
main(void)
{
	static char path[] = "service.conf", fallback[] = "defaults";
	pthread_t threads[3];
	void *value = NULL;
	const int *near;

	printf("%s\n", fsy_strerror(fsy_lazy_get_or_init(&settings, load, path, &value)));
	file_is_there = true;
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, reader, path) != 0)
			return 1;
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &value);
		printf("reader has %s\n", value ? (const char *)value : "nothing");
	}
	printf("set: %s\n", fsy_strerror(fsy_lazy_set(&settings, fallback)));

	for (int i = 0; i < 2; i++)
		printf("pattern: %s\n", fsy_strerror(fsy_lazy_fn_get(&pattern, &value)));

	near = fsy_lazy_node_copy(&replicas, squares, sizeof(squares));
	printf("near[5] = %d, a copy: %s\n", near[5], near != squares ? "yes" : "no");
	return 0;
}
