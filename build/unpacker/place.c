// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory that holds all unpacked builds: making it, checking that only we can write there, and
 * removing builds that nothing uses.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "unpacker.h"

/* Who may write here decides what runs as us, so it must be us alone. */
static void check_owner(int fd, const char *path)
{
	struct stat stat;
	char hint[4200];

	if (fstat(fd, &stat) < 0)
		die_errno("fstat of", path);
	if (stat.st_uid != geteuid()) {
		snprintf(hint, sizeof hint, "chown %u %s", geteuid(), path);
		die("E_STATE_DIR", hint, "\"%s\" must belong to uid %u, not to %u", path, geteuid(),
		    stat.st_uid);
	}
	if (stat.st_mode & 022) {
		snprintf(hint, sizeof hint, "look at what is in it, then chmod 0700 %s", path);
		die("E_STATE_DIR", hint, "\"%s\" must be writable by its owner only, not mode %04o", path,
		    stat.st_mode & 07777);
	}
}

int open_place(const char *top, const char *below, const char *leaf)
{
	char path[4096], name[256];
	struct statvfs fs;
	int private = 0, fd, next;

	snprintf(path, sizeof path, "%s", top);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		die("E_STATE_DIR", "make it first, or name another one with --root DIR",
		    "there is no directory \"%s\"", path);
	if (fd < 0)
		die_errno("opening", path);
	while (*below) {
		size_t length = strcspn(below, "/"), end = strlen(path);

		snprintf(name, sizeof name, "%.*s", (int)length, below);
		snprintf(path + end, sizeof path - end, "%s%s", path[end - 1] == '/' ? "" : "/", name);
		below += length + (below[length] == '/');
		private |= !strcmp(name, leaf);
		if (mkdirat(fd, name, private ? 0700 : 0755) < 0 && errno != EEXIST)
			die_errno("making", path);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			die_errno("opening", path);
		close(fd);
		fd = next;
		if (private)
			check_owner(fd, path);
	}
	if (fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOEXEC)
		die("E_STATE_DIR", "remount it with exec, or use another place with --root DIR",
		    "the file system is mounted noexec, and the runtime must be executable");
	return fd;
}

/*
 * Calls only async-signal-safe functions. What it removes is flat: the unpacker makes no directories
 * in a build.
 */
void remove_directory(int parent, const char *name)
{
	static char buffer[8192] __attribute__((aligned(8)));
	ssize_t size;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return;
	unlinkat(fd, "manifest", 0);
	/* Twice: reading a directory while it shrinks may miss entries. */
	for (int round = 0; round < 2; round++) {
		lseek(fd, 0, SEEK_SET);
		while ((size = getdents64(fd, buffer, sizeof buffer)) > 0) {
			for (ssize_t at = 0; at < size;) {
				struct dirent64 *entry = (struct dirent64 *)(buffer + at);

				unlinkat(fd, entry->d_name, 0);
				at += entry->d_reclen;
			}
		}
	}
	close(fd);
	unlinkat(parent, name, AT_REMOVEDIR);
}

/*
 * Whether a process runs a file of this build. Everything of a build runs either the loader (the
 * appliance) or the executor (supervisors), and both show in /proc/PID/exe from execve on, whatever
 * mount namespace they are in. An appliance that is still before its execve holds the lock that our
 * caller has taken.
 */
static int in_use(int place, const char *name)
{
	const char *const programs[] = { "executor", "ld-linux-x86-64.so.2" };
	struct stat own[2] = { 0 }, other;
	char path[300];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int used = !proc;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", name, programs[i]);
		if (fstatat(place, path, &own[i], AT_SYMLINK_NOFOLLOW) < 0)
			own[i].st_ino = 0;
	}
	while (!used && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
		if (stat(path, &other) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			used |= own[i].st_ino && other.st_ino == own[i].st_ino &&
				other.st_dev == own[i].st_dev;
	}
	if (proc)
		closedir(proc);
	return used;
}

void remove_unused(int place, const char *keep)
{
	int copy = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int build = strlen(entry->d_name) == 64 && strspn(entry->d_name, "0123456789abcdef") == 64;
		int temporary = !strncmp(entry->d_name, ".new-", 5);

		if (!strcmp(entry->d_name, keep))
			continue;
		if (temporary || (build && !in_use(place, entry->d_name)))
			remove_directory(place, entry->d_name);
	}
	if (directory)
		closedir(directory);
}
