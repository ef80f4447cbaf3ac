/* How a process that is not our child has ended, by its pidfd alone (Linux 6.15). */
#include "front.h"

#include <linux/poll.h>

/* struct pidfd_info of <linux/pidfd.h> in its first version; older headers lack it. */
struct info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ids[8];
	int32_t exit_code;
};
_Static_assert(sizeof(struct info) == 64, "PIDFD_INFO_SIZE_VER0");
#define GET_INFO 0xc040ff0bu
#define INFO_EXIT 8u
#define REAP_MS 100

int vs_pidfd_status(int pidfd)
{
	struct info info = { .mask = INFO_EXIT };
	long error = sys(__NR_ioctl, pidfd, GET_INFO, &info);

	if (error)
		return (int)error;
	return info.mask & INFO_EXIT ? info.exit_code & 0xffff : -ENODATA;
}

/* The last field of /proc/PID/stat of a zombie. */
static int zombie_status(int pidfd)
{
	struct info info = { 0 };
	char text[1024];
	uint64_t value;
	long size;

	if (sys(__NR_ioctl, pidfd, GET_INFO, &info))
		return -ESRCH;
	size = vs_proc_read(info.pid, "/stat", text, sizeof(text));
	if (size < 0)
		return (int)size;
	while (size > 0 && (text[size - 1] < '0' || text[size - 1] > '9'))
		size--;
	text[size > 0 ? size : 0] = 0;
	while (size > 0 && text[size - 1] >= '0' && text[size - 1] <= '9')
		size--;
	/* It may have been reaped meanwhile, and the pid be another's: then the pidfd knows. */
	if (vs_pidfd_status(pidfd) >= 0)
		return vs_pidfd_status(pidfd);
	return vs_parse_decimal(text + size, &value) ? -ENODATA : (int)(value & 0xffff);
}

/*
 * Who reaps it is quick, unless the guest has killed the forker: then its init does, when it likes.
 */
int vs_pidfd_wait(int pidfd)
{
	struct pollfd poll = { .fd = pidfd, .events = POLLIN };
	struct __kernel_timespec time = { 0, REAP_MS * 1000000l };
	long ready;

	for (;;) {
		ready = sys(__NR_ppoll, &poll, 1, poll.events ? NULL : &time, NULL, 8);
		if (!ready)
			return zombie_status(pidfd);
		if (ready == 1 && poll.revents & POLLHUP)
			return vs_pidfd_status(pidfd);
		if (ready == 1)
			poll.events = 0;
		else if (ready != -EINTR)
			return (int)ready;
	}
}
