/*
 * Removal of directory trees: SWEEP for files, PRUNE for cgroups.
 *
 * The tree may be hostile: of any depth, full of links, changing while we walk. So: one descriptor at
 * a time, every name taken relative to it, no link followed, no mount entered, and the way up (..) is
 * compared with the way down. A directory is removed by whoever meets its name in the parent; nothing
 * is remembered but the identity of the directories above.
 */
#include <linux/limits.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define DESCEND 1

/* d_type of getdents64 */
#define TYPE_UNKNOWN 0
#define TYPE_DIRECTORY 4

#define ENTRY_BYTES 32768u
#define LEVELS (1u << 20)
#define RESTARTS 64u
#define PRUNE_NS 5000000000u
#define FIRST_PAUSE_NS 200000u
#define LAST_PAUSE_NS 20000000u

struct entry {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

struct place {
	uint64_t device;
	uint64_t ino;
};

/* At depth 0 we are at the tree's own name in its parent; places[depth - 1] is where fd is. */
struct walk {
	int parent;
	const char *name;
	int cgroup;
	int fd;
	uint32_t depth;
	uint32_t restarts;
	uint64_t mount;
	uint64_t deadline;
	uint64_t pause;
	/* the directory that had nothing removable in it when it was last looked through */
	struct place barren;
	struct place *places;
	uint8_t *entries;
};

static long identify(int fd, struct place *place, uint64_t *mount)
{
	struct statx st;
	long error = sys(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st);

	if (error)
		return error;
	place->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	place->ino = st.stx_ino;
	*mount = st.stx_mnt_id;
	return 0;
}

static int same(const struct place *a, const struct place *b)
{
	return a->device == b->device && a->ino == b->ino;
}

static long open_directory(int dir, const char *name)
{
	return sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

static void leave(struct walk *w)
{
	if (w->depth)
		sys_close(w->fd);
	w->depth = 0;
}

/* Removes one name. 0 when it is gone, DESCEND for a directory that is in use, or -errno. */
static long remove_name(const struct walk *w, int dir, const char *name, uint8_t type)
{
	long error;

	if (type != TYPE_DIRECTORY) {
		if (w->cgroup)
			return 0;
		error = sys(__NR_unlinkat, dir, name, 0);
		if (error != -EISDIR)
			return error == -ENOENT ? 0 : error;
	}
	error = sys(__NR_unlinkat, dir, name, AT_REMOVEDIR);
	if (error == -ENOTEMPTY || error == -EEXIST || (w->cgroup && error == -EBUSY))
		return DESCEND;
	return error == -ENOENT ? 0 : error;
}

/* Makes the directory of this name the current one. 0 also when it has vanished or is none now. */
static long descend(struct walk *w, int dir, const char *name)
{
	struct place place;
	uint64_t mount;
	long fd = open_directory(dir, name), error;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return ++w->restarts < RESTARTS ? 0 : fd;
	if (fd < 0)
		return fd;
	error = identify((int)fd, &place, &mount);
	if (!error && w->depth && mount != w->mount)
		error = -EXDEV;
	if (!error && w->depth == LEVELS)
		error = -EOVERFLOW;
	if (error) {
		sys_close((int)fd);
		return error;
	}
	if (w->depth)
		sys_close(w->fd);
	w->mount = mount;
	w->fd = (int)fd;
	w->places[w->depth++] = place;
	return 0;
}

/* Goes up one level; to the top when the directory is not below the one that we came from. */
static long ascend(struct walk *w)
{
	struct place place;
	uint64_t mount;
	long up;

	if (w->depth == 1) {
		leave(w);
		return 0;
	}
	up = open_directory(w->fd, "..");
	if (up < 0)
		return up;
	if (identify((int)up, &place, &mount) || !same(&place, &w->places[w->depth - 2])) {
		sys_close((int)up);
		leave(w);
		return ++w->restarts < RESTARTS ? 0 : -EAGAIN;
	}
	sys_close(w->fd);
	w->fd = (int)up;
	w->depth--;
	return 0;
}

/*
 * The current directory holds nothing that could be removed, and yet its own removal failed: for a
 * cgroup, processes are the reason, and they need time to end; for anything else, trying again once
 * must do.
 */
static long barren(struct walk *w)
{
	struct place *here = &w->places[w->depth - 1];
	int again = same(here, &w->barren);

	w->barren = *here;
	if (!w->cgroup)
		return again ? -ENOTEMPTY : 0;
	vs_kill_cgroup(w->fd);
	if (!again) {
		w->pause = FIRST_PAUSE_NS;
		return 0;
	}
	if (vs_clock_ns(CLOCK_MONOTONIC) >= w->deadline)
		return -EBUSY;
	vs_sleep_ns(w->pause);
	if (w->pause < LAST_PAUSE_NS)
		w->pause *= 2;
	return 0;
}

/* Goes through the current directory once, until its end or the first directory that is in use. */
static long pass(struct walk *w)
{
	uint64_t removed = 0;
	long size, error;

	while ((size = sys(__NR_getdents64, w->fd, w->entries, ENTRY_BYTES)) > 0) {
		for (long at = 0; at < size;) {
			const struct entry *entry = (const void *)(w->entries + at);

			at += entry->size;
			if (vs_is_self_or_up(entry->name))
				continue;
			error = remove_name(w, w->fd, entry->name, entry->type);
			if (error == DESCEND)
				return descend(w, w->fd, entry->name);
			if (error)
				return error;
			removed += !w->cgroup || entry->type == TYPE_DIRECTORY;
		}
	}
	/* ENOENT: somebody removed the directory itself */
	if (size < 0 && size != -ENOENT)
		return size;
	error = removed ? 0 : barren(w);
	return error ? error : ascend(w);
}

/* One walk at a time uses it, and the next one takes it over. 0 or -errno. */
static long take_memory(struct walk *w)
{
	static long at = -1;

	if (at < 0)
		at = sys_map(ENTRY_BYTES + LEVELS * sizeof(struct place));
	w->entries = (uint8_t *)at;
	w->places = (struct place *)(at + ENTRY_BYTES);
	return at < 0 ? at : 0;
}

static long walk(struct walk *w)
{
	uint8_t type = w->cgroup ? TYPE_DIRECTORY : TYPE_UNKNOWN;
	long result = remove_name(w, w->parent, w->name, type), error;

	if (result != DESCEND)
		return result;
	error = take_memory(w);
	if (error)
		return error;
	w->deadline = vs_clock_ns(CLOCK_MONOTONIC) + PRUNE_NS;
	do {
		if (w->depth) {
			result = pass(w);
		} else {
			result = remove_name(w, w->parent, w->name, type);
			if (result != DESCEND)
				break;
			result = descend(w, w->parent, w->name);
			if (!result && w->depth && w->cgroup)
				vs_kill_cgroup2(w->fd);
		}
	} while (!result);
	leave(w);
	return result;
}

/* The last part of name must be a plain one; the parts before it are reached without links. */
static long remove_tree(int dir, const char *name, int cgroup)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	struct walk w = { .parent = dir, .name = name, .cgroup = cgroup };
	char above[PATH_MAX];
	size_t length = strlen(name), at = length;
	long result;

	while (at && name[at - 1] != '/')
		at--;
	if (at == length || vs_is_self_or_up(name + at))
		return -EINVAL;
	if (!at)
		return walk(&w);
	if (at >= sizeof(above))
		return -ENAMETOOLONG;
	memcpy(above, name, at);
	above[at] = 0;
	result = sys(__NR_openat2, dir, above, &how, sizeof(how));
	if (result < 0)
		return result == -ENOENT ? 0 : result;
	w.parent = (int)result;
	w.name = name + at;
	result = walk(&w);
	sys_close(w.parent);
	return result;
}

long vs_op_sweep(int dir, const char *name)
{
	return remove_tree(dir, name, 0);
}

long vs_op_prune(int dir, const char *name)
{
	return remove_tree(dir, name, 1);
}
