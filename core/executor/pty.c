/*
 * A terminal for a command, made in the guest's own devpts: what the command gets is the guest's device,
 * and the caller's terminal never enters the guest (TIOCSTI, and descriptors of the host's /dev).
 */
#include "relay.h"

#include <asm/ioctls.h>
#include <asm/stat.h>
#include <asm/statfs.h>

#define DEVPTS_MAGIC 0x1cd1

/* Made by the host's root, whom the guest does not know: it shall be the guest's root's. */
static void give(int slave, const struct stat *root)
{
	struct stat st;

	if (!sys(__NR_fstat, slave, &st))
		sys(__NR_fchown, slave, root->st_uid, st.st_gid ? -1u : root->st_gid);
}

static int open_in(struct vs_pty *pty, int devpts, const char **call)
{
	struct statfs fs;
	struct stat root;
	int unlocked = 0;
	long error;

	*call = "fstatfs";
	error = sys(__NR_fstatfs, devpts, &fs);
	if (!error && fs.f_type != DEVPTS_MAGIC)
		error = -ENODEV;
	if (!error)
		error = sys(__NR_fstat, devpts, &root);
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
		give(pty->slave, &root);
		return 0;
	}
	sys_close(pty->master);
	return error ? (int)error : pty->slave;
}

int vs_pty_open(struct vs_pty *pty, int supervisor, uint32_t descriptor, const char **call)
{
	int error, devpts;

	*call = "pidfd_getfd";
	devpts = (int)sys(__NR_pidfd_getfd, supervisor, descriptor, 0);
	if (devpts < 0)
		return devpts;
	error = open_in(pty, devpts, call);
	sys_close(devpts);
	return error;
}
