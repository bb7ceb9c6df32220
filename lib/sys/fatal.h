/* SPDX-License-Identifier: MIT */
/* fatal.h - the library's last words: one line to the reporter (fsy_set_fatal), then abort. */
#ifndef FSYI_FATAL_H
#define FSYI_FATAL_H

#include <stdarg.h>
#include <stddef.h>

/* printf-like, without malloc or stdio; understands %s %d %u %x %ld %lu %lx %p. "fastsync: " is put in front. */
__attribute__((noreturn, cold, format(printf, 1, 2)))
void fsyi_fatal(const char *format, ...);

/* The same formats: one line on stderr, with nothing in front; or into text, cut to size. */
__attribute__((cold, format(printf, 1, 2)))
void fsyi_warn(const char *format, ...);
__attribute__((format(printf, 3, 4)))
void fsyi_format(char *text, size_t size, const char *format, ...);
__attribute__((format(printf, 3, 0)))
void fsyi_vformat(char *text, size_t size, const char *format, va_list args);

#ifndef NDEBUG
#define FSYI_ASSERT(condition) \
	((condition) ? (void)0 : fsyi_fatal("internal invariant broken: %s (%s:%d)", #condition, __FILE__, __LINE__))
#else
#define FSYI_ASSERT(condition) ((void)0)
#endif

#endif
