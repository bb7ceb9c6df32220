/* SPDX-License-Identifier: MIT */
/*
 * field.c - who takes part: the implementations in this library, every fastsync-peer-*.so and every co-process
 * fastsync-peer-go* found on the peer path, and the allocators fastsync-malloc-* for processes of their own. What cannot be
 * loaded or is not there becomes one line above the table.
 */
#include "bench/harness.h"
#include <dirent.h>
#include <dlfcn.h>
#include <fastsync/error.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

void
fsyb_field_missing(struct fsyb_field *field, const char *format, ...)
{
	va_list list;

	if (field->missing_count == sizeof field->missing / sizeof *field->missing)
		return;
	va_start(list, format);
	vsnprintf(field->missing[field->missing_count++], sizeof *field->missing, format, list);
	va_end(list);
}

struct fsyb_candidate *
fsyb_field_add(struct fsyb_field *field)
{
	if (field->count == FSYB_MAX_CANDIDATES)
		return NULL;
	memset(&field->candidates[field->count], 0, sizeof *field->candidates);
	return &field->candidates[field->count++];
}

static void
add_impls(struct fsyb_field *field, const struct fsyb_impl *impl)
{
	for (; impl && impl->kind; impl++) {
		struct fsyb_candidate *candidate = fsyb_field_add(field);

		if (!candidate)
			return;
		snprintf(candidate->name, sizeof candidate->name, "%s", impl->name);
		snprintf(candidate->version, sizeof candidate->version, "%s", impl->version ? impl->version : "");
		candidate->kind = impl->kind;
		candidate->bytes = impl->bytes;
		candidate->parks = impl->parks != 0;
		candidate->ours = impl->foreign == FSYB_OURS;
		candidate->reference = impl->foreign == FSYB_REFERENCE;
		candidate->max_threads = impl->max_threads;
		candidate->impl = impl;
	}
}

static void
load_module(struct fsyb_field *field, const char *path)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct fsyb_impl *impls = NULL;
	fsyb_peer_fn peer;

	if (!module) {
		fsyb_field_missing(field, "cannot load %s", dlerror());
		return;
	}
	*(void **)&peer = dlsym(module, "fsyb_peer");
	if (peer)
		impls = peer(FSYB_PEER_ABI);
	if (!impls)
		fsyb_field_missing(field, "%s is not a peer of this version: run make peers again", path);
	add_impls(field, impls); /* the module stays loaded: its threads and keys may outlive any close */
}

static void
load_entry(struct fsyb_field *field, const char *folder, const char *name)
{
	char path[4096], *argv[] = { path, NULL };
	size_t length = strlen(name);

	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (strncmp(name, "fastsync-malloc-", 16) == 0 && strlen(path) < sizeof *field->allocators &&
	    field->allocator_count < sizeof field->allocators / sizeof *field->allocators)
		memcpy(field->allocators[field->allocator_count++], path, strlen(path) + 1);
	if (strncmp(name, "fastsync-peer-", 14) != 0)
		return;
	if (length > 3 && strcmp(name + length - 3, ".so") == 0) {
		load_module(field, path);
	} else if (field->with_processes && strncmp(name + 14, "go", 2) == 0 && access(path, X_OK) == 0) {
		if (fsyb_process_list(field, path, argv, environ, "") == 0)
			fsyb_field_missing(field, "%s does not answer", path);
	}
}

static bool
load_folder(struct fsyb_field *field, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		load_entry(field, folder, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return count >= 0;
}

/* Beside the library: peers/ in a build tree, fastsync/ where it is installed. In a static link, beside the program. */
static void
load_default(struct fsyb_field *field)
{
	char self[4096], folder[4200];
	Dl_info info;
	ssize_t length;

	if (!dladdr((void *)(uintptr_t)&fsyb_field_open, &info) || !strchr(info.dli_fname, '/')) {
		length = readlink("/proc/self/exe", self, sizeof self - 1);
		self[length > 0 ? length : 0] = 0;
	} else {
		snprintf(self, sizeof self, "%s", info.dli_fname);
	}
	dirname(self);
	snprintf(folder, sizeof folder, "%s/peers", self);
	if (load_folder(field, folder))
		return;
	snprintf(folder, sizeof folder, "%s/fastsync", self);
	load_folder(field, folder);
}

static void
note_missing_allocators(struct fsyb_field *field)
{
	static const char *const set[][2] = { { "jemalloc", "libjemalloc2" }, { "mimalloc", "libmimalloc-dev" } };

	for (unsigned i = 0; i < sizeof set / sizeof *set; i++) {
		bool found = false;

		for (unsigned j = 0; j < field->allocator_count; j++)
			found |= strstr(field->allocators[j], set[i][0]) != NULL;
		if (!found)
			fsyb_field_missing(field, "not here: %s: install %s, then run: make peers", set[i][0], set[i][1]);
	}
}

/* The reference set: a table without one of these says so. */
static void
note_missing(struct fsyb_field *field)
{
	static const struct { const char *part, *what; } set[] = {
		{ "go", "Go: install golang-go (or a release from go.dev)" },
		{ "rust std", "Rust: install rustc" },
		{ "parking_lot", "parking_lot: install cargo or librust-parking-lot-dev" },
		{ "nsync", "nsync: install libnsync-dev" },
		{ "ck ", "Concurrency Kit: install libck-dev" },
		{ "tbb", "oneTBB: install libtbb-dev" },
		{ "urcu", "liburcu: install liburcu-dev" },
		{ "absl", "Abseil, built with NDEBUG (Debian's has its assertions on and is not quotable)" },
	};

	for (unsigned i = 0; i < sizeof set / sizeof *set; i++) {
		bool found = false;

		for (unsigned j = 0; j < field->count && !found; j++)
			found = strncasecmp(field->candidates[j].name, set[i].part, strlen(set[i].part)) == 0;
		if (!found)
			fsyb_field_missing(field, "not here: %s, then run: make peers", set[i].what);
	}
	note_missing_allocators(field);
}

int
fsyb_field_open(struct fsyb_field *field, const char *path, bool with_processes)
{
	path = path ? path : getenv("FASTSYNC_PEERS");
	memset(field, 0, sizeof *field);
	field->with_processes = with_processes;
	add_impls(field, fsyb_ours());
	add_impls(field, fsyb_ours_rw());
	add_impls(field, fsyb_ours_more());
	add_impls(field, fsyb_ours_wait());
	add_impls(field, fsyb_limits());
	add_impls(field, fsyb_glibc());
	add_impls(field, fsyb_glibc_wait());
	add_impls(field, fsyb_holds());
	if (!path || !*path) {
		load_default(field);
	} else if (!load_folder(field, path)) {
		fprintf(stderr, "fastsync-bench: cannot read the peers' folder %s\n", path);
		return FSY_EINVAL;
	}
	note_missing(field);
	return 0;
}

void
fsyb_field_close(struct fsyb_field *field)
{
	for (unsigned i = 0; i < field->count; i++) {
		struct fsyb_process *process = field->candidates[i].process;
		bool first = process != NULL;

		for (unsigned j = 0; j < i && first; j++)
			first = field->candidates[j].process != process;
		if (first)
			fsyb_process_stop(process);
	}
	field->count = 0;
}
