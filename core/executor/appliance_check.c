/*
 * Whether the unpacked runtime is there and as it was written: owner, mode, size and mtime of every
 * file against the manifest. Its digest was checked when it was unpacked. Nobody but the owner can
 * write into these directories, so this finds accidents, not attacks.
 */
#include <asm/statfs.h>
#include <linux/stat.h>

#include "appliance.h"
#include "lib.h"
#include "plan.h"
#include "sys.h"

#define LOCK_SH 1
#define ST_NOEXEC 8

static long stat_at(int directory, const char *name, struct statx *stat)
{
	int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);

	return sys(__NR_statx, directory, name, flags, STATX_BASIC_STATS, stat);
}

/* Ours, of this type and mode? `mask` says which bits of the mode count. */
static int is_ours(const struct statx *stat, unsigned mask, unsigned mode)
{
	return stat->stx_uid == (uint32_t)sys(__NR_geteuid) && (stat->stx_mode & mask) == mode;
}

/* Opens a directory in which only we can write. -1 when it is missing or not so. */
static int open_private(int at, const char *path)
{
	int fd = (int)sys_openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	struct statx stat;

	if (fd >= 0 && (stat_at(fd, "", &stat) || !is_ours(&stat, S_IFMT | 022, S_IFDIR))) {
		sys_close(fd);
		return -1;
	}
	return fd;
}

static int is_intact(int directory, const struct vs_record *record)
{
	struct statx stat;

	return !record->name[sizeof(record->name) - 1] && !stat_at(directory, record->name, &stat) &&
		is_ours(&stat, ~0u, record->mode) && stat.stx_size == record->size &&
		stat.stx_mtime.tv_sec * 1000000000ll + stat.stx_mtime.tv_nsec == record->mtime_ns;
}

static int matches_manifest(const struct vs_appliance *a, int directory)
{
	struct {
		struct vs_manifest head;
		struct vs_record records[VS_PAYLOAD_FILES + 1];
	} manifest;
	int fd = (int)sys_openat(directory, "manifest", O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	struct statx stat;
	long size;

	if (fd < 0)
		return 0;
	size = stat_at(fd, "", &stat) || !is_ours(&stat, ~0u, S_IFREG | 0400) ?
		-1 : vs_read_full(fd, &manifest, sizeof(manifest));
	sys_close(fd);
	if (size < (long)sizeof(manifest.head) || manifest.head.count > VS_PAYLOAD_FILES + 1 ||
	    (size_t)size != sizeof(manifest.head) + manifest.head.count * sizeof(*manifest.records) ||
	    memcmp(manifest.head.magic, VS_MANIFEST_MAGIC, 8) ||
	    memcmp(manifest.head.build, a->trailer.build, sizeof(manifest.head.build)))
		return 0;
	for (uint32_t i = 0; i < manifest.head.count; i++)
		if (!is_intact(directory, &manifest.records[i]))
			return 0;
	return 1;
}

int vs_appliance_check(const struct vs_appliance *a)
{
	int top = (int)sys_openat(-100 /* AT_FDCWD */, a->top, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	const char *name = a->directory + strlen(a->top) + (a->top[1] != 0);
	char parent[64];
	struct statfs fs;
	int state, place, directory, lock, whole;

	/* var/lib/vserver (the state directory itself), then the directory of all builds, then BUILD. */
	memcpy(parent, a->below, strlen(a->below) + 1);
	if (parent[0] != '.')
		parent[strlen("var/lib/vserver")] = 0;
	state = open_private(top, parent);
	place = open_private(top, a->below);
	directory = open_private(top, name);
	/*
	 * Held until execve: no unpacker of another build removes this one before /proc/PID/exe shows
	 * that it is in use. Nothing to lock on a file system that never was writable.
	 */
	lock = (int)sys_openat(place, ".lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (lock >= 0)
		while (sys(__NR_flock, lock, LOCK_SH) == -EINTR)
			;
	whole = state >= 0 && place >= 0 && directory >= 0 && !sys(__NR_fstatfs, directory, &fs) &&
		!(fs.f_flags & ST_NOEXEC) && matches_manifest(a, directory);
	sys_close(top);
	sys_close(state);
	sys_close(place);
	sys_close(directory);
	if (!whole && lock >= 0)
		sys_close(lock);
	return whole;
}
