/*
 * Processes, told apart from later ones that got the same pid: by the inode of a pidfd, which is unique
 * in one boot where pidfs has it (Linux 6.9), else by the start time.
 */
#include "front.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/poll.h>

#define PID_FS_MAGIC 0x50494446

/* Field 22 of /proc/PID/stat; the second field may hold anything, so count from its last bracket. */
static uint64_t start_time(uint32_t pid)
{
	char text[1024];
	char *at = NULL;
	uint64_t value;

	if (vs_proc_read(pid, "/stat", text, sizeof(text)) <= 0)
		return 0;
	for (char *bracket = text; (bracket = strchr(bracket, ')')); bracket++)
		at = bracket;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return 0;
	for (value = 0, at++; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

int vs_identify(struct vs_identity *id, int pidfd)
{
	struct statfs fs;
	struct stat st;
	long error = sys(__NR_fstatfs, pidfd, &fs);

	id->ino = id->start = 0;
	if (error)
		return (int)error;
	if (fs.f_type == PID_FS_MAGIC) {
		error = sys(__NR_fstat, pidfd, &st);
		id->ino = st.st_ino;
		return (int)error;
	}
	id->start = start_time(id->pid);
	return id->start ? 0 : -ESRCH;
}

int vs_open_process(const struct vs_identity *id)
{
	struct stat st;
	int same, fd;

	if (!id->pid || (!id->ino && !id->start))
		return -ESRCH;
	fd = (int)sys(__NR_pidfd_open, id->pid, 0);
	if (fd < 0)
		return fd == -EINVAL ? -ESRCH : fd;
	if (id->ino)
		same = !sys(__NR_fstat, fd, &st) && st.st_ino == id->ino;
	else
		same = start_time(id->pid) == id->start;
	if (same)
		return fd;
	sys_close(fd);
	return -ESRCH;
}

int vs_ended(int pidfd, int ms)
{
	struct __kernel_timespec time = { ms / 1000, ms % 1000 * 1000000l };
	struct pollfd poll = { .fd = pidfd, .events = POLLIN };

	return sys(__NR_ppoll, &poll, 1, ms < 0 ? NULL : &time, NULL, 8) == 1;
}

int vs_signal_process(int pidfd, int signal)
{
	return (int)sys(__NR_pidfd_send_signal, pidfd, signal, NULL, 0);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int vs_boot_id(uint8_t id[16])
{
	int fd = (int)sys_openat(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0);
	char text[37] = "";
	int nibbles = 0;
	long size;

	if (fd < 0)
		return fd;
	size = sys_read(fd, text, 36);
	sys_close(fd);
	for (long i = 0; i < size; i++) {
		int digit = hex_digit(text[i]);

		if (text[i] == '-')
			continue;
		if (digit < 0 || nibbles == 32)
			return -EBADMSG;
		id[nibbles / 2] = (uint8_t)(nibbles % 2 ? id[nibbles / 2] << 4 | digit : digit);
		nibbles++;
	}
	return nibbles == 32 ? 0 : -EBADMSG;
}
