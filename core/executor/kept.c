/* Kept plans: opened, checked, and compared with what they were made from. */
#include "front.h"

#include <asm/stat.h>
#include <linux/mman.h>

/* The parts lie one after the other and end where the file does. */
static int well_formed(const struct vs_kept *head, size_t size)
{
	uint64_t plan = sizeof(*head) + (uint64_t)head->input_count * sizeof(struct vs_input);

	if (head->magic != VS_MAGIC_KEPT || head->version != VS_PLAN_VERSION || head->size != size ||
	    head->input_count > VS_LIMIT_INPUTS || head->plan_offset != plan)
		return 0;
	return head->text_offset == plan + head->plan_size &&
	       (uint64_t)head->text_offset + head->text_size == size && head->text_size;
}

/* The size, or -errno. It runs as root: nobody else may have written it. */
static long check_file(int fd)
{
	struct stat st;
	long error = sys(__NR_fstat, fd, &st);

	if (error)
		return error;
	if ((st.st_mode & S_IFMT) != S_IFREG || st.st_uid || st.st_mode & 022 ||
	    st.st_size < (long)sizeof(struct vs_kept) || st.st_size > (long)VS_LIMIT_KEPT_BYTES)
		return -EBADMSG;
	return st.st_size;
}

int vs_kept_read(struct vs_keptfile *k, int fd)
{
	long size = check_file(fd), at;

	memset(k, 0, sizeof(*k));
	k->fd = fd;
	if (size < 0)
		return (int)size;
	/* It is replaced by rename, never written again, and reading it would cost a page fault a page. */
	at = sys_map_file(fd, (size_t)size);
	if (sys_failed(at))
		return (int)at;
	k->at = (uint8_t *)at;
	k->size = (size_t)size;
	k->head = (struct vs_kept *)k->at;
	if (!well_formed(k->head, k->size) || k->at[size - 1]) {
		vs_kept_unmap(k);
		return -EBADMSG;
	}
	k->plan = k->at + k->head->plan_offset;
	k->text = (char *)k->at + k->head->text_offset;
	return 0;
}

static struct {
	uint8_t *at;
	size_t left;
} peeks;

/* Memory that lasts as long as the process, 8-byte aligned; NULL when there is none. */
static void *last(size_t size)
{
	static uint8_t first[4096] __attribute__((aligned(8)));
	uint8_t *got;

	if (!peeks.at)
		peeks.at = first, peeks.left = sizeof(first);
	size = (size + 7) & -(size_t)8;
	if (size > peeks.left) {
		size_t room = size > 65536 ? size : 65536;
		long more = sys_map(room);

		if (sys_failed(more))
			return NULL;
		peeks.at = (uint8_t *)more;
		peeks.left = room;
	}
	got = peeks.at;
	peeks.at += size;
	peeks.left -= size;
	return got;
}

void vs_kept_unpeek(const struct vs_keptfile *k)
{
	size_t size = (size_t)(peeks.at - (uint8_t *)k->head);

	peeks.at -= size;
	peeks.left += size;
}

int vs_kept_peek(struct vs_keptfile *k, int dir, const char *name)
{
	struct vs_kept head;
	size_t before, text;
	long size;
	int fd = (int)sys_openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);

	memset(k, 0, sizeof(*k));
	k->fd = -1;
	if (fd < 0)
		return fd;
	size = check_file(fd);
	if (size >= 0 && (sys(__NR_pread64, fd, &head, sizeof(head), 0) != (long)sizeof(head) ||
			  !well_formed(&head, (size_t)size)))
		size = -EBADMSG;
	if (size >= 0) {
		before = head.plan_offset;
		text = head.text_size;
		k->head = last(before + text);
		k->text = (char *)k->head + before;
		if (!k->head)
			size = -ENOMEM;
		else if (sys(__NR_pread64, fd, k->head, before, 0) != (long)before ||
			 sys(__NR_pread64, fd, k->text, text, head.text_offset) != (long)text ||
			 memcmp(k->head, &head, sizeof(head)) || k->text[text - 1])
			size = -EBADMSG;
	}
	sys_close(fd);
	return size < 0 ? (int)size : 0;
}

int vs_kept_open(struct vs_keptfile *k, int dir, const char *name)
{
	int fd = (int)sys_openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	int error;

	memset(k, 0, sizeof(*k));
	k->fd = fd;
	if (fd < 0)
		return fd;
	error = vs_kept_read(k, fd);
	if (error)
		vs_kept_close(k);
	return error;
}

void vs_kept_unmap(struct vs_keptfile *k)
{
	if (k->at)
		sys_unmap(k->at, k->size);
	k->at = NULL;
}

void vs_kept_close(struct vs_keptfile *k)
{
	vs_kept_unmap(k);
	if (k->fd >= 0)
		sys_close(k->fd);
	k->fd = -1;
}

int vs_kept_load(struct vs_keptfile *k, struct vs_machine *m)
{
	struct vs_refusal why;
	int error;

	if (vs_verify(k->plan, k->head->plan_size, &why))
		return -EBADMSG;
	error = vs_machine_init(m);
	if (!error)
		vs_machine_load(m, k->plan);
	return error;
}

void vs_kept_drop(const struct vs_keptfile *k)
{
	sys(__NR_madvise, k->at, k->size, MADV_DONTNEED);
}

const char *vs_kept_text(const struct vs_keptfile *k, uint32_t index)
{
	const char *at = k->text, *end = k->text + k->head->text_size;

	for (; index; index--) {
		at += strlen(at) + 1;
		if (at >= end)
			return "";
	}
	return at;
}

/* As glibc's makedev has it. */
static uint64_t device(const struct statx *st)
{
	uint64_t major = st->stx_dev_major, minor = st->stx_dev_minor;

	return (major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 |
	       (minor & 0xff);
}

static int64_t nanoseconds(const struct statx_timestamp *time)
{
	return time->tv_sec * 1000000000 + time->tv_nsec;
}

static int input_unchanged(const struct vs_input *input, const char *path)
{
	struct statx st;
	long error = sys(__NR_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);

	if (error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ENAMETOOLONG)
		return !input->present;
	if (error || !input->present || device(&st) != input->dev || st.stx_ino != input->ino)
		return 0;
	return input->present == 2 ||
	       (st.stx_size == input->size && nanoseconds(&st.stx_mtime) == input->mtime_ns &&
		nanoseconds(&st.stx_ctime) == input->ctime_ns);
}

int vs_kept_current(const struct vs_keptfile *k)
{
	const struct vs_input *inputs = (const struct vs_input *)(k->head + 1);
	uint8_t boot[16];

	if (!vs_build_is_ours(k->head->build) || vs_boot_id(boot) || memcmp(boot, k->head->boot, 16))
		return 0;
	for (uint32_t i = 0; i < k->head->input_count; i++)
		if (inputs[i].path >= k->head->text_size ||
		    !input_unchanged(&inputs[i], k->text + inputs[i].path))
			return 0;
	return 1;
}
