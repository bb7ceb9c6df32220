/* SPDX-License-Identifier: MIT */
/* target.c - which file a program's name stands for, and whether the loader would preload anything into it. */
#include "run.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPT_DEPTH = 4, PATH_SIZE = 4096 };

static bool
is_program(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, X_OK) == 0;
}

bool
find_program(const char *name, char *path, size_t size)
{
	const char *list = getenv("PATH"), *end;

	if (strchr(name, '/') != NULL)
		return (size_t)snprintf(path, size, "%s", name) < size && is_program(path);
	if (list == NULL)
		list = "/bin:/usr/bin";
	for (;; list = end + 1) {
		end = strchrnul(list, ':');
		if ((size_t)snprintf(path, size, "%.*s%s%s", (int)(end - list), list, end > list ? "/" : "./", name) < size && is_program(path))
			return true;
		if (*end == '\0')
			return false;
	}
}

static bool
read_at(int fd, void *to, size_t size, off_t from)
{
	return pread(fd, to, size, from) == (ssize_t)size;
}

/* The loader that the program asks for says which libc is its own. */
static const char *
check_loader(int fd, const Elf64_Phdr *header)
{
	char loader[256] = "";
	const char *name;

	if (header->p_filesz >= sizeof(loader) || !read_at(fd, loader, header->p_filesz, (off_t)header->p_offset))
		return "its program headers cannot be read";
	name = strrchr(loader, '/');
	name = name == NULL ? loader : name + 1;
	if (strstr(name, "musl") != NULL)
		return "it is linked to musl, whose locks are not laid out as glibc's";
	if (strncmp(name, "ld-linux", 8) != 0)
		return "it is linked to another libc than glibc";
	return NULL;
}

static const char *
check_elf(int fd)
{
	Elf64_Ehdr mine, elf;
	Elf64_Phdr header;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self < 0 || !read_at(self, &mine, sizeof(mine), 0))
		memset(&mine, 0, sizeof(mine));
	if (self >= 0)
		close(self);
	if (!read_at(fd, &elf, sizeof(elf), 0))
		return "it is no program";
	if (mine.e_ident[EI_CLASS] != 0 && (elf.e_ident[EI_CLASS] != mine.e_ident[EI_CLASS] || elf.e_machine != mine.e_machine))
		return "it is built for another architecture";
	for (int i = 0; i < elf.e_phnum; i++) {
		if (!read_at(fd, &header, sizeof(header), (off_t)(elf.e_phoff + (size_t)i * elf.e_phentsize)))
			return "its program headers cannot be read";
		if (header.p_type == PT_INTERP)
			return check_loader(fd, &header);
	}
	return "it is statically linked: nothing can be preloaded into it";
}

/* The loader ignores LD_PRELOAD in a program that gets rights its caller does not have. */
static const char *
check_rights(int fd)
{
	struct stat s;

	if (fstat(fd, &s) != 0)
		return "it cannot be read";
	if (((s.st_mode & S_ISUID) && s.st_uid != getuid()) || ((s.st_mode & S_ISGID) && s.st_gid != getgid()))
		return "it is setuid or setgid: the loader preloads nothing into it";
	if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return "it has file capabilities: the loader preloads nothing into it";
	return NULL;
}

static const char *
check(const char *path, int depth)
{
	char start[256] = "", interpreter[PATH_SIZE];
	const char *why = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return NULL;                    /* may be run, but not read: nothing is known */
	length = pread(fd, start, sizeof(start) - 1, 0);
	if (length > 4 && memcmp(start, ELFMAG, SELFMAG) == 0) {
		why = check_elf(fd);
		if (why == NULL)
			why = check_rights(fd);
	} else if (length > 2 && memcmp(start, "#!", 2) == 0) {
		const char *name = start + 2 + strspn(start + 2, " \t");

		snprintf(interpreter, sizeof(interpreter), "%.*s", (int)strcspn(name, " \t\n"), name);
		why = depth > 0 ? check(interpreter, depth - 1) : NULL;
	} else {
		why = "it is no program";
	}
	close(fd);
	return why;
}

const char *
why_not(const char *path)
{
	return check(path, SCRIPT_DEPTH);
}
