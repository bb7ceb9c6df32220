/* SPDX-License-Identifier: MIT */
/* fatal.c - lines on stderr without malloc, stdio or locale: they must work in the middle of a lock's slow path. */
#include "fatal.h"
#include "kernel.h"

#include <fastsync/error.h>
#include <stdarg.h>
#include <stdlib.h>

#define LINE_MAX_ 512

static fsy_fatal_fn reporter;

struct line {
	char *text;
	size_t size, used;
};

static void
put(struct line *line, char c)
{
	if (line->used + 1 < line->size)
		line->text[line->used++] = c;
}

static void
put_string(struct line *line, const char *s)
{
	if (s == NULL)
		s = "(null)";
	while (*s != '\0')
		put(line, *s++);
}

static void
put_number(struct line *line, unsigned long value, unsigned int base)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (n > 0)
		put(line, digits[--n]);
}

static void
put_signed(struct line *line, long value)
{
	if (value < 0)
		put(line, '-');
	put_number(line, value < 0 ? 0 - (unsigned long)value : (unsigned long)value, 10);
}

void
fsyi_vformat(char *text, size_t size, const char *format, va_list args)
{
	struct line line = { text, size, 0 };

	for (const char *f = format; *f != '\0'; f++) {
		bool wide = false;

		if (*f != '%') {
			put(&line, *f);
			continue;
		}
		f++;
		if (*f == 'l') {
			wide = true;
			f++;
		}
		switch (*f) {
		case 's':
			put_string(&line, va_arg(args, const char *));
			break;
		case 'd':
			put_signed(&line, wide ? va_arg(args, long) : va_arg(args, int));
			break;
		case 'u':
			put_number(&line, wide ? va_arg(args, unsigned long) : va_arg(args, unsigned int), 10);
			break;
		case 'x':
			put_number(&line, wide ? va_arg(args, unsigned long) : va_arg(args, unsigned int), 16);
			break;
		case 'p':
			put_string(&line, "0x");
			put_number(&line, (unsigned long)(uintptr_t)va_arg(args, void *), 16);
			break;
		case '\0':
			f--;
			break;
		default:                         /* %% and what is not understood stand for themselves */
			put(&line, *f);
		}
	}
	if (size > 0)
		text[line.used] = '\0';
}

void
fsyi_format(char *text, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fsyi_vformat(text, size, format, args);
	va_end(args);
}

/* One write, so that lines of several threads do not mix. */
static void
to_stderr(const char *text)
{
	char copy[LINE_MAX_ + 1];
	size_t length = 0;
	const char *rest = copy;

	while (text[length] != '\0' && length < LINE_MAX_) {
		copy[length] = text[length];
		length++;
	}
	copy[length++] = '\n';
	while (length > 0) {
		long written = fsyi_syscall(SYS_write, 2, FSYI_ARG(rest), (long)length, 0, 0, 0);

		if (written == -EINTR)
			continue;
		if (written <= 0)
			return;
		rest += written;
		length -= (size_t)written;
	}
}

void
fsyi_warn(const char *format, ...)
{
	char text[LINE_MAX_];
	va_list args;

	va_start(args, format);
	fsyi_vformat(text, sizeof(text), format, args);
	va_end(args);
	to_stderr(text);
}

void
fsyi_fatal(const char *format, ...)
{
	static const char prefix[] = "fastsync: ";
	fsy_fatal_fn report = __atomic_load_n(&reporter, __ATOMIC_ACQUIRE);
	char text[LINE_MAX_];
	va_list args;

	__builtin_memcpy(text, prefix, sizeof(prefix));
	va_start(args, format);
	fsyi_vformat(text + sizeof(prefix) - 1, sizeof(text) - sizeof(prefix) + 1, format, args);
	va_end(args);
	if (report != NULL)
		report(text);
	else
		to_stderr(text);
	abort();
}

FSY_API fsy_fatal_fn
fsy_set_fatal(fsy_fatal_fn replacement)
{
	return __atomic_exchange_n(&reporter, replacement, __ATOMIC_ACQ_REL);
}
