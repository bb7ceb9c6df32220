/* SPDX-License-Identifier: MIT */
/*
 * abi.c - the exported twin of every inline function: the same text, compiled once more as ordinary
 * functions, for languages that call by symbol and for the preload library.
 */
#include <fastsync/base.h>

#undef FSY_INLINE
#define FSY_INLINE FSY_API

#include <fastsync.h>

const char *
fsy_version(void)
{
	return FASTSYNC_VERSION;
}
