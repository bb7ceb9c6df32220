/* SPDX-License-Identifier: MIT */
/* tune.c - tunables and switches from the environment. */
#include "tune.h"
#include "fatal.h"
#include "init.h"

#include <fastsync/bench.h>

#include <stdlib.h>
#include <string.h>

struct fsyi_tune fsyi_tune = {
#define X(name, value, min, max, unit, variable, provenance) .name = (value),
#include "tune.def"
#undef X
};

static const struct fsyi_tunable tunables[] = {
#define X(name, value, min, max, unit, variable, provenance) \
	{ #name, unit, #variable, provenance, (value), (min), (max), &fsyi_tune.name },
#include "tune.def"
#undef X
};

static char first_error[256];

void
fsyi_tune_complain(const char *variable, const char *value, const char *why)
{
	char line[256];

	fsyi_format(line, sizeof(line), "fastsync: %s=%s: %s", variable, value, why);
	if (first_error[0] == '\0')
		memcpy(first_error, line, sizeof(line));
	fsyi_warn("%s", line);
}

const char *
fsyi_tune_error(void)
{
	return first_error[0] == '\0' ? NULL : first_error;
}

const char *
fsy_tune_error_(void)
{
	return fsyi_tune_error();
}

const char *
fsyi_tune_variable(const char *variable)
{
	return secure_getenv(variable);
}

/* Digits only: no sign, no space, no unit, no octal; that leaves nothing to guess. */
static bool
parse(const char *text, int64_t min, int64_t max, int64_t *value)
{
	int64_t number = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' || number > max / 10)
			return false;
		number = number * 10 + (*text - '0');
	}
	if (number < min || number > max)
		return false;
	*value = number;
	return true;
}

void
fsyi_tune_init(void)
{
	for (size_t i = 0; i < sizeof(tunables) / sizeof(tunables[0]); i++) {
		const struct fsyi_tunable *t = &tunables[i];
		const char *text = fsyi_tune_variable(t->variable);
		char why[128];

		if (text == NULL || parse(text, t->min, t->max, t->value))
			continue;
		fsyi_format(why, sizeof(why), "expected a whole number of %s from %ld to %ld; using %ld", t->unit, (long)t->min,
			    (long)t->max, (long)*t->value);
		fsyi_tune_complain(t->variable, text, why);
	}
}

bool
fsyi_switch_on(const char *variable)
{
	const char *text = fsyi_tune_variable(variable);

	if (text == NULL || strcmp(text, "on") == 0)
		return true;
	if (strcmp(text, "off") == 0)
		return false;
	fsyi_tune_complain(variable, text, "expected on or off; using on");
	return true;
}

void
fsyi_tune_each(void (*visit)(const struct fsyi_tunable *tunable, void *arg), void *arg)
{
	for (size_t i = 0; i < sizeof(tunables) / sizeof(tunables[0]); i++)
		visit(&tunables[i], arg);
}
