// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes against devices. /nodes holds device nodes that the tests put into the guest's tree from the
 * host's side, as a hostile template would.
 */
#include "escape.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

static int make(const char *path, const struct probe *probe)
{
	unlink(path);
	if (mknod(path, (mode_t)probe->flags | 0600, makedev(1, 1)) < 0)
		return errno;
	return failed(open(path, O_RDONLY | O_NONBLOCK));
}

static int make_node(const struct probe *probe)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/escape-node", probe->path);
	return make(path, probe);
}

/* On a file system that the guest mounts itself, maybe in a namespace of its own. */
static int make_on_tmpfs(const struct probe *probe)
{
	int error = strcmp(probe->path, "nested") == 0 ? nest() : (own_mounts(), 0);

	if (error)
		return error;
	if (mount("tmpfs", SCRATCH, "tmpfs", 0, NULL) < 0)
		return errno;
	return make(SCRATCH "/node", probe);
}

/* With the flag taken off the root mount, by remount, by a bind mount or through an overlay. */
static int open_after_remount(const struct probe *probe)
{
	own_mounts();
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return errno;
	return try_open(probe);
}

static int open_after_bind(const struct probe *probe)
{
	own_mounts();
	if (mount("/nodes", SCRATCH, NULL, MS_BIND, NULL) < 0)
		return errno;
	mount(NULL, SCRATCH, NULL, MS_REMOUNT | MS_BIND, NULL);
	return try_open(&(struct probe){ .path = probe->path, .flags = probe->flags });
}

static int open_after_overlay(const struct probe *probe)
{
	own_mounts();
	if (mount("overlay", SCRATCH, "overlay", 0, "lowerdir=/nodes:/tmp") < 0)
		return errno;
	return try_open(probe);
}

/* The bound nodes are the host's own inodes: their owner and mode must stay what they are. */
static int chmod_null(const struct probe *probe)
{
	return failed(chmod(probe->path, 0600));
}

static int chown_null(const struct probe *probe)
{
	return failed(chown(probe->path, 1, 1));
}

static int touch_null(const struct probe *probe)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	return failed(utimensat(AT_FDCWD, probe->path, times, 0));
}

static int console_ioctl(const struct probe *probe)
{
	int fd = open(probe->path, O_RDWR | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return errno;
	return failed(ioctl(fd, probe->flags, 0));
}

static int push_input(const struct probe *probe)
{
	int error = ENOTTY;

	(void)probe;
	for (int fd = 0; fd < 3; fd++) {
		if (ioctl(fd, TIOCSTI, "x") == 0)
			return 0;
		error = errno;
	}
	return error;
}

static int host_pty(const struct probe *probe)
{
	char path[64];

	(void)probe;
	snprintf(path, sizeof(path), "/dev/pts/%d", host.pts);
	return failed(open(path, O_RDWR | O_NOCTTY | O_NONBLOCK));
}

#define NODE(word) { "node." word, try_open, "/nodes/" word, 0, O_RDWR }
#define ABSENT(word) { "device." word, try_open, "/dev/" word, 0, O_RDWR }

const struct probe device_probes[] = {
	{ "mknod.char-in-root", make_node, "/", 0, S_IFCHR },
	{ "mknod.block-in-root", make_node, "/", 0, S_IFBLK },
	{ "mknod.char-in-dev", make_node, "/dev", 0, S_IFCHR },
	{ "mknod.char-in-mount", make_node, "/shared", 0, S_IFCHR },
	{ "mknod.char-on-tmpfs", make_on_tmpfs, "own", 0, S_IFCHR },
	{ "mknod.char-on-nested-tmpfs", make_on_tmpfs, "nested", 0, S_IFCHR },
	NODE("mem"),
	NODE("kmsg"),
	NODE("kvm"),
	NODE("fuse"),
	NODE("loop-control"),
	NODE("loop0"),
	NODE("null"),
	{ "node.disk", try_open, "/nodes/disk", 0, O_RDONLY },
	{ "node.in-mount", try_open, "/shared/null", 0, O_RDWR },
	{ "node.after-remount", open_after_remount, "/nodes/null", 0, O_RDWR },
	{ "node.after-bind", open_after_bind, SCRATCH "/null", 0, O_RDWR },
	{ "node.after-overlay", open_after_overlay, SCRATCH "/null", 0, O_RDWR },
	ABSENT("mem"),
	ABSENT("kmsg"),
	ABSENT("kvm"),
	ABSENT("fuse"),
	ABSENT("loop-control"),
	ABSENT("rtc0"),
	ABSENT("tty0"),
	ABSENT("ttyS0"),
	ABSENT("vsock"),
	ABSENT("userfaultfd"),
	{ "device.chmod-null", chmod_null, "/dev/null", 0, 0 },
	{ "device.chown-null", chown_null, "/dev/null", 0, 0 },
	{ "device.touch-null", touch_null, "/dev/null", 0, 0 },
	{ "device.chmod-urandom", chmod_null, "/dev/urandom", 0, 0 },
	{ "terminal.redirect-console", console_ioctl, "/dev/console", 0, TIOCCONS },
	{ "terminal.push-input", push_input, 0, 0, 0 },
	{ "terminal.controlling", try_open, "/dev/tty", 0, O_RDWR },
	{ "terminal.host-pty", host_pty, 0, 0, 0 },
	{ 0, 0, 0, 0, 0 },
};
