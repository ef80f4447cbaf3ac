// SPDX-License-Identifier: GPL-2.0-only
/*
 *     unpacker TOP BELOW LEAF text|json        (descriptor 3: the outer file)
 *
 * Lays the runtime that descriptor 3 carries into TOP/BELOW/BUILD, unless it is there and whole. Below
 * TOP, everything from the directory LEAF on must be ours alone.
 *
 * A build appears by one rename of a complete, synced directory, under an exclusive lock. Whoever dies
 * before it leaves only a `.new-` directory, which the next unpacker removes. Appliances hold the lock
 * shared from their check to their execve, so no build is removed in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "unpacker.h"

static int place = -1;
static const char *const temporary = ".new-runtime";

static void remove_temporary(void)
{
	remove_directory(place, temporary);
}

/* Whether BUILD is whole: the same comparison as in core/executor/appliance.c. */
static int is_whole(const char *build)
{
	struct vs_manifest header;
	struct vs_record record;
	struct stat stat;
	int whole, fd, directory = openat(place, build, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (directory < 0)
		return 0;
	fd = openat(directory, "manifest", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	whole = fd >= 0 && fstat(directory, &stat) == 0 && stat.st_uid == geteuid() &&
		stat.st_mode == (S_IFDIR | 0700) && fstat(fd, &stat) == 0 &&
		stat.st_uid == geteuid() && stat.st_mode == (S_IFREG | 0400) &&
		read(fd, &header, sizeof header) == sizeof header &&
		!memcmp(header.magic, VS_MANIFEST_MAGIC, 8) && header.count <= VS_PAYLOAD_FILES + 1;
	for (uint32_t i = 0; whole && i < header.count; i++) {
		whole = read(fd, &record, sizeof record) == sizeof record &&
			!record.name[VS_PAYLOAD_NAME - 1] &&
			fstatat(directory, record.name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
			stat.st_uid == geteuid() && stat.st_mode == record.mode &&
			(uint64_t)stat.st_size == record.size &&
			stat.st_mtim.tv_sec * 1000000000LL + stat.st_mtim.tv_nsec == record.mtime_ns;
	}
	if (fd >= 0)
		close(fd);
	close(directory);
	return whole;
}

static void take_lock(void)
{
	int fd = openat(place, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		die_errno("creating", ".lock");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			die_errno("locking", ".lock");
}

static void unpack(int file, const struct vs_trailer *trailer, const char *build)
{
	int directory;

	remove_temporary();
	before_exit = remove_temporary;
	if (mkdirat(place, temporary, 0700) < 0)
		die_errno("making", temporary);
	directory = openat(place, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		die_errno("opening", temporary);
	extract(file, trailer, directory);
	remove_directory(place, build);
	if (renameat(place, temporary, place, build) < 0)
		die_errno("renaming", temporary);
	before_exit = NULL;
	fsync(place);
	close(directory);
}

int main(int argc, char **argv)
{
	struct vs_trailer trailer;
	char build[2 * sizeof trailer.build + 1], path[4096];

	if (argc != 5) {
		fputs("usage: unpacker TOP BELOW LEAF text|json 3<FILE\n", stderr);
		return 2;
	}
	umask(022);
	json = !strcmp(argv[4], "json");
	snprintf(path, sizeof path, "%s/%s", strcmp(argv[1], "/") ? argv[1] : "", argv[2]);
	runtime_path = path;
	catch_signals();
	place = open_place(argv[1], argv[2], argv[3]);
	take_lock();

	trailer = read_trailer(3);
	for (size_t i = 0; i < sizeof trailer.build; i++)
		sprintf(build + 2 * i, "%02x", trailer.build[i]);
	if (!is_whole(build)) {
		unpack(3, &trailer, build);
		remove_unused(place, build);
	}
	return 0;
}
