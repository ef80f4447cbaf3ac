/*
 * RELINK: makes files of one directory links to objects of the store, or new objects of files.
 *
 * A name is never missing: the object gets a second name, the staging name, which is renamed over the
 * file. The session alone uses its staging name; one that exists was left by a process that was killed,
 * or by a rename within this op that did nothing, because the file had become the object meanwhile. It
 * is removed when it is in the way, and at the end, so that a file costs three system calls.
 *
 * The content of the directory is as it was, so its mtime is set back. A process that is killed before
 * that leaves the time of its last rename.
 */
#include <linux/stat.h>
#include <linux/time_types.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define NS_PER_S 1000000000u

/* utimensat */
#define TIME_OMIT ((1l << 30) - 2)

/* In place of a result until the directory's mtime is back. */
#define RENAMED (-1)

struct relink {
	int dir;
	int store;
	const char *staging;
	uint64_t mount;
	/* was a rename made, which may have left the staging name? */
	int renamed;
};

/* Is it a name, or with `below` a relative path of such, that leads neither nowhere nor up? */
VS_LATE static int is_plain(const char *text, size_t length, int below)
{
	size_t from = 0;

	for (size_t i = 0; i <= length; i++) {
		size_t size = i - from;

		if (i < length && text[i] != '/') {
			if (!text[i])
				return 0;
			continue;
		}
		if (i < length && !below)
			return 0;
		if (!size || (text[from] == '.' && (size == 1 || (size == 2 && text[from + 1] == '.'))))
			return 0;
		from = i + 1;
	}
	return !text[length];
}

static const char *name_of(const uint8_t *at)
{
	return (const char *)at + sizeof(struct vs_relink_entry);
}

static const char *object_of(const uint8_t *at, const struct vs_relink_entry *entry)
{
	return name_of(at) + entry->name_bytes + 1;
}

/* The verifier knows only that the table lies within the data. 0 or -EINVAL. */
VS_LATE static long check_table(const uint8_t *at, size_t left, struct vs_relink_head *head)
{
	struct vs_relink_entry entry;

	if (left < sizeof(*head))
		return -EINVAL;
	memcpy(head, at, sizeof(*head));
	/* beyond lie UTIME_NOW and UTIME_OMIT */
	if (head->mtime_nsec >= NS_PER_S)
		return -EINVAL;
	at += sizeof(*head);
	left -= sizeof(*head);
	for (uint32_t i = 0; i < head->count; i++) {
		if (left < sizeof(entry))
			return -EINVAL;
		memcpy(&entry, at, sizeof(entry));
		if (entry.entry_bytes > left || entry.entry_bytes % 8 ||
		    entry.entry_bytes < sizeof(entry) + entry.name_bytes + entry.object_bytes + 2)
			return -EINVAL;
		if ((entry.action != VS_RELINK_LINK && entry.action != VS_RELINK_ADOPT) ||
		    entry.reserved || !is_plain(name_of(at), entry.name_bytes, 0) ||
		    !is_plain(object_of(at, &entry), entry.object_bytes, 1))
			return -EINVAL;
		at += entry.entry_bytes;
		left -= entry.entry_bytes;
	}
	return left ? -EINVAL : 0;
}

/* Is the file still the one that was listed? 0 or -errno. */
VS_LATE static long check_file(const struct relink *r, const char *name,
			       const struct vs_relink_entry *entry)
{
	struct statx st;
	long error = sys(__NR_statx, r->dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			 STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_MNT_ID, &st);

	if (error)
		return error == -ENOENT ? -ESTALE : error;
	return S_ISREG(st.stx_mode) && st.stx_mnt_id == r->mount && st.stx_ino == entry->ino &&
			       st.stx_size == entry->size &&
			       st.stx_mtime.tv_sec == entry->mtime_sec &&
			       st.stx_mtime.tv_nsec == entry->mtime_nsec ?
		       0 :
		       -ESTALE;
}

VS_LATE static long link_to(const struct relink *r, const char *name, const char *object)
{
	long error = sys(__NR_linkat, r->store, object, r->store, r->staging, 0);

	if (error == -EEXIST) {
		error = sys(__NR_unlinkat, r->store, r->staging, 0);
		if (!error || error == -ENOENT)
			error = sys(__NR_linkat, r->store, object, r->store, r->staging, 0);
	}
	if (error)
		return error;
	error = sys(__NR_renameat2, r->store, r->staging, r->dir, name, 0);
	if (error)
		sys(__NR_unlinkat, r->store, r->staging, 0);
	return error;
}

/* The entry's result: 0, RENAMED or an errno. */
VS_LATE static int32_t relink_file(struct relink *r, const uint8_t *at,
				   const struct vs_relink_entry *entry)
{
	const char *name = name_of(at), *object = object_of(at, entry);
	long error = check_file(r, name, entry);

	if (error)
		return (int32_t)-error;
	if (entry->action == VS_RELINK_ADOPT)
		return (int32_t)-sys(__NR_linkat, r->dir, name, r->store, object, 0);
	if (entry->ino == entry->object_ino)
		return 0;
	error = link_to(r, name, object);
	if (error)
		return (int32_t)-error;
	r->renamed = 1;
	return RENAMED;
}

VS_LATE static void set_results(uint8_t *results, uint32_t count, int32_t result)
{
	for (uint32_t i = 0; i < count; i++)
		memcpy(results + i * sizeof(result), &result, sizeof(result));
}

/* Gives every file that was replaced its result: that of setting the directory's mtime back. */
VS_LATE static void settle(const struct relink *r, const struct vs_relink_head *head,
			   uint8_t *results)
{
	struct __kernel_timespec times[2] = {
		{ .tv_nsec = TIME_OMIT },
		{ .tv_sec = head->mtime_sec, .tv_nsec = head->mtime_nsec },
	};
	int32_t error = (int32_t)-sys(__NR_utimensat, r->dir, NULL, times, 0), result;

	for (uint32_t i = 0; i < head->count; i++, results += sizeof(result)) {
		memcpy(&result, results, sizeof(result));
		if (result == RENAMED)
			memcpy(results, &error, sizeof(error));
	}
}

VS_LATE long vs_op_relink(struct vs_machine *m, const struct vs_op *op, int root, int store)
{
	struct relink r = { .store = store, .staging = (char *)vs_at(m, op->args[4]) };
	const uint8_t *at = vs_at(m, op->args[2]);
	struct vs_relink_entry entry;
	struct vs_relink_head head;
	uint8_t *results;
	long fd, error;

	if (!is_plain(r.staging, vs_length(op->args[4]) - 1, 1))
		return -EINVAL;
	error = check_table(at, vs_length(op->args[2]), &head);
	if (error)
		return error;
	error = vs_extend_reply(m, head.count * sizeof(int32_t), &results);
	if (error)
		return error;
	fd = vs_open_below(root, (char *)vs_at(m, op->args[1]), &r.mount);
	if (fd < 0) {
		set_results(results, head.count, (int32_t)-fd);
		return 0;
	}
	r.dir = (int)fd;
	at += sizeof(head);
	for (uint32_t i = 0; i < head.count; i++, at += entry.entry_bytes) {
		int32_t result;

		memcpy(&entry, at, sizeof(entry));
		result = relink_file(&r, at, &entry);
		memcpy(results + i * sizeof(result), &result, sizeof(result));
	}
	if (r.renamed) {
		sys(__NR_unlinkat, store, r.staging, 0);
		settle(&r, &head, results);
	}
	sys_close(r.dir);
	return 0;
}
