/* SPDX-License-Identifier: MIT */
/*
 * answer.h - reads the one-line JSON objects that co-processes answer with (peers/go/PROTOCOL.md): both ends are ours, keys
 * are unique and strings hold no escapes, so looking for the quoted key is enough. Files from outside are parsed by a
 * real parser, in the command line tool.
 */
#ifndef FSYB_ANSWER_H
#define FSYB_ANSWER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text after "key": or NULL. */
static inline const char *
fsyb_answer_find(const char *line, const char *key)
{
	char quoted[64];
	int length = snprintf(quoted, sizeof quoted, "\"%s\":", key);
	const char *found = strstr(line, quoted);

	return found ? found + length : NULL;
}

static inline double
fsyb_answer_number(const char *line, const char *key, double otherwise)
{
	const char *value = fsyb_answer_find(line, key);

	return value ? strtod(value, NULL) : otherwise;
}

/* Copies a string value, cut to size; false and "" if there is none. */
static inline bool
fsyb_answer_string(const char *line, const char *key, char *value, size_t size)
{
	const char *start = fsyb_answer_find(line, key);
	size_t length = start && *start == '"' ? strcspn(start + 1, "\"") : 0;

	if (length >= size)
		length = size - 1;
	if (length)
		memcpy(value, start + 1, length);
	value[length] = 0;
	return length > 0;
}

/* Up to count numbers of an array; returns how many there were. */
static inline unsigned
fsyb_answer_array(const char *line, const char *key, double *values, unsigned count)
{
	const char *at = fsyb_answer_find(line, key);
	unsigned found = 0;

	if (!at || *at++ != '[')
		return 0;
	while (found < count && *at && *at != ']') {
		char *end;

		values[found] = strtod(at, &end);
		if (end == at)
			break;
		found++;
		at = *end == ',' ? end + 1 : end;
	}
	return found;
}

#endif
