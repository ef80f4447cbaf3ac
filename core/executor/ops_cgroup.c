/*
 * Killing what runs in a cgroup. cgroup2 does it alone (cgroup.kill); on version 1 every process is
 * signalled, while frozen where the freezer is at hand, so that none forks away meanwhile.
 */
#include <linux/signal.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define PAGE_OF_PIDS 64

static int write_file(int dir, const char *name, const char *text)
{
	long fd = sys_openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	long result;

	if (fd < 0)
		return (int)fd;
	result = sys_write((int)fd, text, strlen(text));
	sys_close((int)fd);
	return result < 0 ? (int)result : 0;
}

/*
 * Reads up to `room` process ids of the cgroup, leaving out the first `skip`; how many there were.
 * With `wanted` it reads on until that one: 1 if it is listed.
 */
static size_t read_pids(int dir, size_t skip, int32_t *pids, size_t room, int32_t wanted)
{
	long fd = sys_openat(dir, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	size_t count = 0;
	int32_t pid = 0;
	char text[1024];
	long size;

	if (fd < 0)
		return 0;
	while (count < room && (size = sys_read((int)fd, text, sizeof(text))) > 0) {
		for (long i = 0; i < size && count < room; i++) {
			if (text[i] != '\n') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			if (wanted ? pid == wanted : skip == 0)
				pids[count++] = pid;
			else if (skip)
				skip--;
			pid = 0;
		}
	}
	sys_close((int)fd);
	return count;
}

/*
 * A pid may have been reused since it was read. So a descriptor is taken, and the signal sent only
 * if the pid is listed still: while the descriptor's process lives, nobody else has its pid.
 */
static void kill_listed(int dir, int32_t pid)
{
	long fd = sys(__NR_pidfd_open, pid, 0);
	int32_t found;

	if (fd < 0)
		return;
	if (read_pids(dir, 0, &found, 1, pid))
		sys(__NR_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	sys_close((int)fd);
}

int vs_kill_cgroup2(int dir)
{
	return write_file(dir, "cgroup.kill", "1") != -ENOENT;
}

void vs_kill_cgroup(int dir)
{
	int32_t pids[PAGE_OF_PIDS], self = (int32_t)sys(__NR_getpid), found;
	size_t skip = 0, count;
	int freeze;

	if (vs_kill_cgroup2(dir))
		return;
	/* nobody would thaw us */
	freeze = !read_pids(dir, 0, &found, 1, self);
	if (freeze)
		write_file(dir, "freezer.state", "FROZEN");
	do {
		count = read_pids(dir, skip, pids, PAGE_OF_PIDS, 0);
		for (size_t i = 0; i < count; i++)
			/* 0: a process of another pid namespace, which cannot be named */
			if (pids[i] > 0 && pids[i] != self)
				kill_listed(dir, pids[i]);
		skip += count;
	} while (count == PAGE_OF_PIDS);
	if (freeze)
		write_file(dir, "freezer.state", "THAWED");
}
