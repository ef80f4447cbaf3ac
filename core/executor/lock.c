/* The lock of one guest: flock(2) on RUNDIR/lock, whose content names the holder. */
#include "front.h"

#include <asm/stat.h>

/* Nobody removes a lock but with its directory; a lock on a file that has no name any more is none. */
static int still_named(int fd, int run)
{
	struct stat held, named;

	return !sys(__NR_fstat, fd, &held) &&
	       !sys(__NR_newfstatat, run, "lock", &named, AT_SYMLINK_NOFOLLOW) &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int vs_lock_try(int run, const char *verb)
{
	char text[VS_DECIMAL + 32];
	size_t used = vs_decimal(text, (uint64_t)sys(__NR_getpid)), length = strlen(verb);
	long error;
	int fd;

	for (;;) {
		fd = (int)sys_openat(run, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return fd;
		do
			error = sys(__NR_flock, fd, LOCK_EX | LOCK_NB);
		while (error == -EINTR);
		if (error) {
			sys_close(fd);
			return (int)error;
		}
		if (still_named(fd, run))
			break;
		sys_close(fd);
	}
	text[used++] = ' ';
	memcpy(text + used, verb, length);
	used += length;
	text[used++] = '\n';
	sys(__NR_pwrite64, fd, text, used, 0);
	sys(__NR_ftruncate, fd, used);
	return fd;
}

int vs_lock_wait(int run, const char *verb, uint64_t ms)
{
	uint64_t end = vs_boottime_ms() + ms, pause = 1000000;

	for (;;) {
		int fd = vs_lock_try(run, verb);

		if (fd != -EAGAIN || vs_boottime_ms() >= end)
			return fd;
		if (vs_interrupted)
			return -EINTR;
		vs_sleep_ns(pause);
		if (pause < 32000000)
			pause *= 2;
	}
}

int vs_error_busy(const struct vs_request *r, const char *verb, const char *name, int run)
{
	char text[64] = "";
	int fd = (int)sys_openat(run, "lock", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	char *space, *end;

	if (fd >= 0) {
		sys_read(fd, text, sizeof(text) - 1);
		sys_close(fd);
	}
	space = strchr(text, ' ');
	end = strchr(text, '\n');
	if (end)
		*end = 0;
	if (space)
		*space = 0;
	return vs_error(r, VS_E_BUSY,
			"try again when that command is done, or wait longer with --lock-timeout",
			"Cannot ", verb, " \"", name, "\": it is locked by pid ", space ? text : "?",
			" (vserver ", space ? space + 1 : "?", ")", NULL);
}
