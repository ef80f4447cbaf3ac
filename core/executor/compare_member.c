/* The files that COMPARE reads. Nothing is followed: no link, no mount. */
#include <linux/openat2.h>
#include <linux/stat.h>

#include "compare.h"
#include "lib.h"
#include "ops.h"
#include "sys.h"

VS_LATE static long open_member(const struct vs_compare_entry *entry, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOATIME,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	char link[14 + VS_DECIMAL] = "/proc/self/fd/";
	struct statx st;
	long file, fd;

	/* What may have become a device since it was listed is looked at before it is opened. */
	if (!(entry->flags & VS_COMPARED_CAREFULLY)) {
		fd = sys(__NR_openat2, entry->root, path, &how, sizeof(how));
		if (fd != -EPERM)
			return fd;
		how.flags &= ~(uint64_t)O_NOATIME;
		return sys(__NR_openat2, entry->root, path, &how, sizeof(how));
	}
	how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	file = sys(__NR_openat2, entry->root, path, &how, sizeof(how));
	if (file < 0)
		return file;
	fd = sys(__NR_statx, file, "", AT_EMPTY_PATH, STATX_TYPE, &st);
	if (!fd) {
		vs_decimal(link + 14, (uint64_t)file);
		fd = S_ISREG(st.stx_mode) ? sys_openat(AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0) : -ESTALE;
	}
	sys_close((int)file);
	return fd;
}

/* cachestat(2), in kernels from 6.5 on and in later headers than ours. */
#define NR_CACHESTAT 451
#define CACHESTAT_CACHED 0
#define CACHESTAT_COUNTS 5

VS_LATE static uint32_t cached_pages(int fd)
{
	uint64_t whole[2] = { 0 }, counts[CACHESTAT_COUNTS] = { 0 };

	return sys(NR_CACHESTAT, fd, whole, counts, 0) ? 0 : (uint32_t)counts[CACHESTAT_CACHED];
}

VS_LATE void vs_member_open(struct vs_member *member, const uint8_t *at, uint64_t flags)
{
	struct vs_compare_entry entry;
	long fd, error;

	memcpy(&entry, at, sizeof(entry));
	fd = open_member(&entry, (const char *)at + sizeof(entry));
	member->fd = (int)fd;
	member->result = (struct vs_compare_result){ 0 };
	if (fd < 0) {
		member->result.error = (uint32_t)-fd;
		return;
	}
	error = vs_look_closely((int)fd, &member->result.flags, &member->result.xattr_bytes);
	if (error)
		member->result.error = (uint32_t)-error;
	else if (flags & VS_COMPARE_CACHED)
		member->result.cached = cached_pages((int)fd);
}

VS_LATE void vs_member_close(struct vs_member *member)
{
	if (member->fd >= 0)
		sys_close(member->fd);
	member->fd = -1;
}

/* Of a file, less than what is asked for comes only where it ends. */
VS_LATE long vs_member_read(const struct vs_compare_head *head, const struct vs_member *member, uint64_t at,
			    uint64_t length)
{
	uint64_t wanted = length + (at + length == head->size), got = 0;

	while (got < length) {
		long size = sys(__NR_pread64, member->fd, member->block + got, wanted - got, at + got);

		if (size == -EINTR)
			continue;
		if (size < 0)
			return size;
		if (!size)
			break;
		got += (uint64_t)size;
	}
	return got == length ? 0 : -ESTALE;
}
