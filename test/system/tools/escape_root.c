// SPDX-License-Identifier: GPL-2.0-only
/* Probes that look for a way out of the root directory: `..`, chroot, pivot_root, descriptors, handles. */
#include "escape.h"

#include <sched.h>
#include <sys/wait.h>

/* "exists on the host" is what success means: the guest's own tree has no such path. */
static int marker_below(const struct probe *probe)
{
	char path[512];
	struct stat status;

	snprintf(path, sizeof(path), "%s%s", probe->path, host.marker);
	return failed(stat(path, &status));
}

static int climb_from(const struct probe *probe)
{
	if (chdir(probe->path) < 0)
		return errno;
	return climb();
}

/* The directory in which an exec'd process starts must lie below the guest's root. */
static int unreachable_cwd(const struct probe *probe)
{
	char path[512];

	(void)probe;
	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return errno;
	return path[0] == '/' ? climb() : 0;
}

/* The classic: stand outside of a new, deeper root, then climb. */
static int chroot_climb(const struct probe *probe)
{
	(void)probe;
	if (chdir("/") < 0 || chroot(SCRATCH) < 0)
		return errno;
	int error = climb();
	if (error != ENOENT)
		return error;
	return failed(chroot("."));
}

static int chroot_then_look(const struct probe *probe)
{
	int error = chroot_climb(probe);

	return error ? error : marker_below(&(struct probe){ .path = "" });
}

/* With the descriptor of a directory above the new root. */
static int chroot_fchdir(const struct probe *probe)
{
	(void)probe;
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || chroot(SCRATCH) < 0 || fchdir(fd) < 0)
		return errno;
	return climb();
}

static int pivot_climb(const struct probe *probe)
{
	(void)probe;
	own_mounts();
	if (mount("tmpfs", SCRATCH, "tmpfs", 0, NULL) < 0)
		return errno;
	if (chdir(SCRATCH) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return errno;
	/* The old root now lies over the new one: leave it mounted, and look above it. */
	int error = climb();
	if (error != ENOENT)
		return error;
	if (umount2(".", MNT_DETACH) < 0)
		return errno;
	return climb();
}

/* The root mount itself: what lies beneath it would be the host's preparations. */
static int umount_root(const struct probe *probe)
{
	own_mounts();
	if (umount2("/", (int)probe->flags) < 0)
		return errno;
	return marker_below(&(struct probe){ .path = "" });
}

/* RESOLVE_IN_ROOT and friends must not be a way around the root either. */
static int openat2_up(const struct probe *probe)
{
	struct {
		unsigned long long flags, mode, resolve;
	} how = { O_RDONLY | O_DIRECTORY, 0, probe->flags };

	if (chdir(SCRATCH) < 0)
		return errno;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, "../../../..", &how, sizeof(how));
	if (fd < 0)
		return errno;
	return fchdir(fd) < 0 ? errno : climb();
}

static int inherited(const struct probe *probe)
{
	struct stat status;

	/* The harness has one pipe to its parent: the highest number that it can be is 4. */
	for (int fd = (int)probe->flags; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
			return 0;
	return EBADF;
}

static int fchdir_inherited(const struct probe *probe)
{
	(void)probe;
	for (int fd = 0; fd < 1024; fd++)
		if (fchdir(fd) == 0 && climb() == 0)
			return 0;
	return EBADF;
}

/* Links in /proc that lead to files which have no name in the guest. */
static int proc_fd_climb(const struct probe *probe)
{
	char path[64];

	(void)probe;
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d/..", getppid(), fd);
		if (chdir(path) == 0 && climb() == 0)
			return 0;
	}
	return ENOTDIR;
}

/* path: a file on the file system in question; its mount is what the handle is looked up in. */
static int by_handle(const struct probe *probe)
{
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = { 0 };
	const char *colon = strchr(host.handle, ':');
	unsigned int byte;

	if (!colon)
		return ENODATA;
	handle.head.handle_type = atoi(host.handle);
	for (const char *hex = colon + 1; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		handle.bytes[handle.head.handle_bytes++] = (unsigned char)byte;
	int mount = open(probe->path, O_RDONLY);
	if (mount < 0)
		return errno;
	return failed(open_by_handle_at(mount, &handle.head, O_RDONLY));
}

const struct probe root_probes[] = {
	{ "root.marker", marker_below, "", 0, 0 },
	{ "root.dotdot", climb_from, "/", 0, 0 },
	{ "root.dotdot-proc", climb_from, "/proc", 0, 0 },
	{ "root.dotdot-sys", climb_from, "/sys", 0, 0 },
	{ "root.dotdot-dev-pts", climb_from, "/dev/pts", 0, 0 },
	{ "root.dotdot-cgroup", climb_from, "/sys/fs/cgroup", 0, 0 },
	{ "root.dotdot-mount", climb_from, "/shared", 0, 0 },
	{ "root.proc-1-root", marker_below, "/proc/1/root", 0, 0 },
	{ "root.proc-1-root-dotdot", climb_from, "/proc/1/root", 0, 0 },
	{ "root.proc-1-cwd", climb_from, "/proc/1/cwd", 0, 0 },
	{ "root.proc-self-cwd", climb_from, "/proc/self/cwd", 0, 0 },
	{ "root.proc-root-chain", marker_below, "/proc/self/root/proc/1/root/..", 0, 0 },
	{ "root.cwd", unreachable_cwd, 0, 0, 0 },
	{ "root.chroot", chroot_then_look, 0, 0, 0 },
	{ "root.chroot-fchdir", chroot_fchdir, 0, 0, 0 },
	{ "root.pivot", pivot_climb, 0, 0, 0 },
	{ "root.umount", umount_root, 0, 0, MNT_DETACH },
	{ "root.openat2", openat2_up, 0, 0, 0 },
	{ "root.openat2-in-root", openat2_up, 0, 0, 0x10 },
	{ "descriptor.inherited", inherited, 0, 0, 5 },
	{ "descriptor.fchdir", fchdir_inherited, 0, 0, 0 },
	{ "descriptor.proc-fd", proc_fd_climb, 0, 0, 0 },
	{ "handle.root", by_handle, "/", 0, 0 },
	{ "handle.mount", by_handle, "/shared", 0, 0 },
	{ "handle.dev-null", by_handle, "/dev/null", 0, 0 },
	{ "handle.proc", by_handle, "/proc", 0, 0 },
	{ "handle.sys", by_handle, "/sys", 0, 0 },
	{ 0, 0, 0, 0, 0 },
};
