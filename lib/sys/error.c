/* SPDX-License-Identifier: MIT */
/* error.c - error codes in words. */
#include <fastsync/error.h>

FSY_API const char *
fsy_strerror(int error)
{
	switch (error) {
	case 0:
		return "success";
#define X(name, value, text) \
	case name: \
		return text;
	FSY_ERROR_MAP(X)
#undef X
	default:
		return "unknown error";
	}
}
