// SPDX-License-Identifier: GPL-2.0-only
/* What vandal does to files. Each leaves a regular file at the path, and the model as the file. */
#define _GNU_SOURCE
#include "vandal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *beside(const struct file *file)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s.vandal", file->path);
	return path;
}

static void invent(struct file *file)
{
	file->size = below(4) == 0 ? FILE_MAX : below(3000);
	memset(file->content, 'a' + below(26), file->size);
	if (file->size > 0)
		file->content[below(file->size)] = '!';
}

static void put(struct file *file, const char *path, int flags)
{
	int fd = open(path, O_WRONLY | flags, 0644);

	check(fd >= 0, "open", file);
	check(write(fd, file->content, file->size) == file->size, "write", file);
	close(fd);
}

static void rewrite(struct file *file)
{
	invent(file);
	put(file, file->path, O_TRUNC);
}

/* Changes some bytes of the model. @return where, or -1 if there is none */
static int change(struct file *file)
{
	int at;

	if (file->size < 8)
		return -1;
	at = below(file->size - 7);
	memset(file->content + at, 'A' + below(26), 8);
	return at;
}

static void write_within(struct file *file)
{
	int at = change(file);
	int fd = open(file->path, O_RDWR);

	check(fd >= 0, "open", file);
	check(at < 0 || pwrite(fd, file->content + at, 8, at) == 8, "pwrite", file);
	close(fd);
}

static void hide_write(struct file *file)
{
	struct timespec times[2];
	struct stat st;

	check(stat(file->path, &st) == 0, "stat", file);
	write_within(file);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	check(utimensat(AT_FDCWD, file->path, times, 0) == 0, "utimensat", file);
	check(stat(file->path, &st) == 0 && st.st_mtim.tv_sec == times[1].tv_sec, "mtime", file);
}

static void map_write(struct file *file)
{
	int at = change(file);
	int fd = open(file->path, O_RDWR);
	char *map;

	check(fd >= 0, "open", file);
	if (at >= 0) {
		map = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		check(map != MAP_FAILED, "mmap", file);
		memcpy(map + at, file->content + at, 8);
		check(below(2) == 0 || msync(map, file->size, MS_SYNC) == 0, "msync", file);
		munmap(map, file->size);
	}
	close(fd);
}

static void resize(struct file *file)
{
	ssize_t size = below(FILE_MAX);

	if (size > file->size)
		memset(file->content + file->size, 0, size - file->size);
	file->size = size;
	check(truncate(file->path, size) == 0, "truncate", file);
}

static void replace(struct file *file)
{
	invent(file);
	put(file, beside(file), O_CREAT | O_EXCL);
	check(rename(beside(file), file->path) == 0, "rename", file);
	file->held_is_path = false;
}

static void remake(struct file *file)
{
	check(unlink(file->path) == 0, "unlink", file);
	invent(file);
	put(file, file->path, O_CREAT | O_EXCL);
	file->held_is_path = false;
}

static void relink(struct file *file)
{
	check(link(file->path, beside(file)) == 0, "link", file);
	check(unlink(file->path) == 0, "unlink", file);
	check(rename(beside(file), file->path) == 0, "rename", file);
}

static void put_link(struct file *file)
{
	static char found[FILE_MAX];
	int fd;

	check(rename(file->path, beside(file)) == 0, "rename", file);
	check(symlink(beside(file), file->path) == 0, "symlink", file);
	fd = open(file->path, O_RDONLY);
	check(fd >= 0 && read(fd, found, FILE_MAX) == file->size, "read through a link", file);
	close(fd);
	check(memcmp(found, file->content, file->size) == 0, "what a link leads to", file);
	check(rename(beside(file), file->path) == 0, "rename over a link", file);
}

/* Keeps a descriptor, and writes through it much later, whatever its file is by then. */
static void write_held(struct file *file)
{
	int at;

	if (file->held < 0) {
		file->held = open(file->path, O_RDWR);
		check(file->held >= 0, "open", file);
		file->held_is_path = true;
	} else if (!file->held_is_path) {
		check(pwrite(file->held, "orphan", 6, 0) == 6, "pwrite to what has no name", file);
	} else if ((at = change(file)) >= 0) {
		check(pwrite(file->held, file->content + at, 8, at) == 8, "pwrite", file);
	}
	if (below(8) == 0) {
		close(file->held);
		file->held = -1;
	}
}

static void mark(struct file *file)
{
	/* cap_net_raw+ep, version 2 */
	static const unsigned char capability[20] = { 1, 0, 0, 2, 0, 0x20 };
	char value[16], found[32];
	int size = snprintf(value, sizeof(value), "%u", below(1000));

	check(setxattr(file->path, "user.vandal", value, size, 0) == 0, "setxattr", file);
	check(getxattr(file->path, "user.vandal", found, sizeof(found)) == size, "getxattr", file);
	check(memcmp(value, found, size) == 0, "an attribute", file);
	check(setxattr(file->path, "security.capability", capability, sizeof(capability), 0) == 0,
	      "set a capability", file);
	check(setxattr(file->path, "trusted.vandal", value, size, 0) < 0, "trusted attribute", file);
}

/* Flags that would keep the host from linking or removing it are refused; others are not. */
static void set_flags(struct file *file)
{
	static const unsigned int refused[] = { FS_IMMUTABLE_FL, FS_APPEND_FL };
	int fd = open(file->path, O_RDONLY);
	unsigned int was = 0, flags;

	check(fd >= 0, "open", file);
	if (ioctl(fd, FS_IOC_GETFLAGS, &was) == 0) {
		for (int i = 0; i < 2; i++) {
			flags = was | refused[i];
			check(ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0, "chattr +i, +a", file);
		}
		flags = was ^ FS_NODUMP_FL;
		check(ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0 || errno == ENOTTY, "chattr d", file);
	}
	close(fd);
}

static void set_owner(struct file *file)
{
	mode_t mode = below(2) == 0 ? 04755 : 0640;
	uid_t uid = below(3);
	struct stat st;

	check(chown(file->path, uid, uid) == 0 && chmod(file->path, mode) == 0, "chown", file);
	check(stat(file->path, &st) == 0 && st.st_uid == uid && (st.st_mode & 07777) == mode,
	      "owner", file);
}

const struct deed deeds[] = {
	{ "rewrite", rewrite },	      { "write within", write_within },
	{ "hide a write", hide_write }, { "write to a map", map_write },
	{ "resize", resize },	      { "replace", replace },
	{ "remake", remake },	      { "relink", relink },
	{ "put a link", put_link },   { "write to what is held", write_held },
	{ "mark", mark },	      { "set flags", set_flags },
	{ "set the owner", set_owner },
};
const unsigned int deed_count = sizeof(deeds) / sizeof(*deeds);
