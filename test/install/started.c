/* SPDX-License-Identifier: MIT */
/* Whether the library's constructor has run, however it was linked: a program that names one inline function gets all of it. */
#include <fastsync/mutex.h>

#include <stdio.h>

static fsy_mutex_t lock;

int
main(void)
{
	fsy_mutex_lock(&lock);
	fsy_mutex_unlock(&lock);
	printf("unlock by %s\n", fsy_attention_ != NULL ? "plain store" : "read-modify-write");
	return 0;
}
