/*
 * LIST: a directory and what is known of each name in it, at a system call a name.
 *
 * What lies there may change meanwhile. Nothing is followed: no link, no mount.
 */
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define ENTRY_BYTES 32768u

struct entry {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

struct directory {
	int fd;
	uint64_t mount;
};

VS_LATE long vs_open_below(int root, const char *path, uint64_t *mount)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	struct statx st;
	long fd = sys(__NR_openat2, root, path, &how, sizeof(how)), error;

	if (fd == -EPERM) {
		/* O_NOATIME is for the owner, and for who has CAP_FOWNER over him */
		how.flags &= ~(uint64_t)O_NOATIME;
		fd = sys(__NR_openat2, root, path, &how, sizeof(how));
	}
	if (fd < 0)
		return fd;
	error = sys(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);
	if (error) {
		sys_close((int)fd);
		return error;
	}
	*mount = st.stx_mnt_id;
	return fd;
}

/* Not every file system has inode flags or xattrs: then there are none. */
static long unless_unsupported(long result)
{
	return result == -ENOTTY || result == -EOPNOTSUPP ? 0 : result;
}

VS_LATE long vs_look_closely(int fd, uint32_t *flags, uint32_t *xattr_bytes)
{
	/* the ioctl says long, and file systems write an int */
	uint64_t word = 0;
	long result = unless_unsupported(sys(__NR_ioctl, fd, FS_IOC_GETFLAGS, &word));

	*flags = (uint32_t)word;
	if (!result)
		result = unless_unsupported(sys(__NR_flistxattr, fd, NULL, 0));
	if (result <= 0)
		return result;
	*xattr_bytes = (uint32_t)result;
	return 0;
}

VS_LATE static long look(const struct directory *d, const char *name, struct vs_list_entry *entry)
{
	struct statx st;
	long error = sys(__NR_statx, d->fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			 STATX_BASIC_STATS | STATX_MNT_ID, &st);

	if (error)
		return error;
	if (st.stx_mnt_id != d->mount)
		return -EXDEV;
	entry->ino = st.stx_ino;
	entry->size = st.stx_size;
	entry->blocks = st.stx_blocks;
	entry->mtime_sec = st.stx_mtime.tv_sec;
	entry->ctime_sec = st.stx_ctime.tv_sec;
	entry->mtime_nsec = st.stx_mtime.tv_nsec;
	entry->ctime_nsec = st.stx_ctime.tv_nsec;
	entry->uid = st.stx_uid;
	entry->gid = st.stx_gid;
	entry->nlink = st.stx_nlink;
	entry->mode = st.stx_mode;
	entry->rdev_major = st.stx_rdev_major;
	entry->rdev_minor = st.stx_rdev_minor;
	return 0;
}

/* Entries are put where the reply ends, which has no alignment. */
VS_LATE static long append(struct vs_machine *m, const struct directory *d, const char *name)
{
	struct vs_list_entry entry = { 0 };
	size_t length = strlen(name);
	uint8_t *to;
	long error;

	entry.name_bytes = (uint16_t)length;
	entry.record_bytes = (uint16_t)((sizeof(entry) + length + 8) & ~7ul);
	error = vs_extend_reply(m, entry.record_bytes, &to);
	if (error)
		return error;
	entry.error = (uint32_t)-look(d, name, &entry);
	memcpy(to, &entry, sizeof(entry));
	memcpy(to + sizeof(entry), name, length);
	memset(to + sizeof(entry) + length, 0, entry.record_bytes - sizeof(entry) - length);
	return 0;
}

VS_LATE static long append_all(struct vs_machine *m, const struct directory *d, uint32_t *count)
{
	static uint8_t entries[ENTRY_BYTES] __attribute__((aligned(8)));
	long size, error;

	while ((size = sys(__NR_getdents64, d->fd, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size;) {
			const struct entry *entry = (const void *)(entries + at);

			at += entry->size;
			if (vs_is_self_or_up(entry->name))
				continue;
			error = append(m, d, entry->name);
			if (error)
				return error;
			++*count;
		}
	}
	return size;
}

VS_LATE long vs_op_list(struct vs_machine *m, const struct vs_op *op, int root)
{
	struct vs_list_head head = { 0 };
	struct directory d;
	uint8_t *to;
	size_t start;
	long fd, error;

	error = vs_extend_reply(m, sizeof(head), &to);
	if (error)
		return error;
	start = m->reply->used;
	fd = vs_open_below(root, (char *)vs_at(m, op->args[1]), &d.mount);
	error = fd;
	if (fd >= 0) {
		d.fd = (int)fd;
		error = append_all(m, &d, &head.count);
		sys_close((int)fd);
	}
	if (error < 0) {
		head.error = (uint32_t)-error;
		head.count = 0;
		m->reply->used = start;
	}
	head.bytes = (uint32_t)(m->reply->used - start);
	memcpy(to, &head, sizeof(head));
	return 0;
}
