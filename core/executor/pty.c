/*
 * A terminal for a command, made in the guest's own devpts: what the command gets is the guest's device,
 * and the caller's terminal never enters the guest (TIOCSTI, and descriptors of the host's /dev).
 */
#include "relay.h"

#include <asm/ioctls.h>
#include <asm/stat.h>
#include <asm/statfs.h>

#define DEVPTS_MAGIC 0x1cd1

/* The host's id of the guest's root, from the first line of uid_map; 0 when that maps something else. */
static uint32_t guest_root(uint32_t init_pid)
{
	char text[64];
	const char *at = text;
	uint32_t ids[2] = { 0 };

	vs_proc_read(init_pid, "/uid_map", text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		while (*at == ' ')
			at++;
		for (; *at >= '0' && *at <= '9'; at++)
			ids[i] = ids[i] * 10 + (uint32_t)(*at - '0');
	}
	return ids[0] ? 0 : ids[1];
}

/* Made by the host's root, whom the guest does not know: it shall be the guest's root's. */
static void give(int slave, uint32_t init_pid)
{
	uint32_t root = guest_root(init_pid);
	struct stat st;

	if (root && !sys(__NR_fstat, slave, &st))
		sys(__NR_fchown, slave, root, st.st_gid ? -1u : root);
}

static int open_in(struct vs_pty *pty, int devpts, uint32_t init_pid, const char **call)
{
	struct statfs fs;
	int unlocked = 0;
	long error;

	*call = "fstatfs";
	error = sys(__NR_fstatfs, devpts, &fs);
	if (!error && fs.f_type != DEVPTS_MAGIC)
		error = -ENODEV;
	if (error)
		return (int)error;
	*call = "openat";
	pty->master = (int)sys_openat(devpts, "ptmx",
				      O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	if (pty->master < 0)
		return pty->master;
	*call = "ioctl";
	error = sys(__NR_ioctl, pty->master, TIOCSPTLCK, &unlocked);
	pty->slave = error ? -1 :
			     (int)sys(__NR_ioctl, pty->master, TIOCGPTPEER,
				      O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->slave >= 0) {
		give(pty->slave, init_pid);
		return 0;
	}
	sys_close(pty->master);
	return error ? (int)error : pty->slave;
}

int vs_pty_open(struct vs_pty *pty, int supervisor, const struct vs_state *state, const char **call)
{
	int error, devpts;

	*call = "pidfd_getfd";
	devpts = (int)sys(__NR_pidfd_getfd, supervisor, state->devpts_fd, 0);
	if (devpts < 0)
		return devpts;
	error = open_in(pty, devpts, state->init_pid, call);
	sys_close(devpts);
	return error;
}
