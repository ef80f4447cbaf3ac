// SPDX-License-Identifier: GPL-2.0-only
/* Probes against the file systems under the guest's tree: /shared is a directory of the host's. */
#include "escape.h"

#include <linux/fs.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

static int directory_ioctl(const struct probe *probe)
{
	unsigned char argument[256] = { 0 };
	int fd = open(probe->path, O_RDONLY);

	if (fd < 0)
		return errno;
	return failed(ioctl(fd, probe->flags, argument));
}

static int immutable(const struct probe *probe)
{
	int flags = FS_IMMUTABLE_FL;
	int fd = open(probe->path, O_RDONLY | O_CREAT, 0600);

	if (fd < 0)
		return errno;
	return failed(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int set_attribute(const struct probe *probe)
{
	return failed(setxattr(probe->path, probe->text, "x", 1, 0));
}

/* Overlay's own attributes decide what the merged tree shows, and to whom it redirects. */
static int overlay_attribute(const struct probe *probe)
{
	if (mkdir(probe->path, 0755) < 0 && errno != EEXIST)
		return errno;
	return failed(setxattr(probe->path, "trusted.overlay.redirect", "/../../..", 9, 0));
}

static int watch_mount(const struct probe *probe)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);

	if (fd < 0)
		return errno;
	return failed(fanotify_mark(fd, FAN_MARK_ADD | (unsigned int)probe->flags, FAN_OPEN_PERM, AT_FDCWD, "/"));
}

static int watch_filesystem(const struct probe *probe)
{
	int fd = fanotify_init(FAN_REPORT_FID, O_RDONLY);

	if (fd < 0)
		return errno;
	return failed(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CREATE, AT_FDCWD, probe->path));
}

static int set_user(const struct probe *probe)
{
	return failed(setresuid((uid_t)probe->flags, (uid_t)probe->flags, (uid_t)probe->flags));
}

static int give_away(const struct probe *probe)
{
	int fd = open("/escape.owned", O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return errno;
	return failed(fchown(fd, (uid_t)probe->flags, (gid_t)probe->flags));
}

const struct probe file_probes[] = {
	{ "file.immutable", immutable, "/escape.immutable", 0, 0 },
	{ "file.freeze-root", directory_ioctl, "/", 0, FIFREEZE },
	{ "file.freeze-mount", directory_ioctl, "/shared", 0, FIFREEZE },
	{ "file.trim-root", directory_ioctl, "/", 0, FITRIM },
	{ "file.trim-mount", directory_ioctl, "/shared", 0, FITRIM },
	{ "file.shutdown-mount", directory_ioctl, "/shared", 0, _IOR('X', 125, unsigned int) },
	{ "file.trusted-attribute", set_attribute, "/", "trusted.escape", 0 },
	{ "file.overlay-attribute", overlay_attribute, "/escape.redirect", 0, 0 },
	{ "file.security-attribute", set_attribute, "/", "security.escape", 0 },
	{ "file.fanotify-permission", watch_mount, 0, 0, FAN_MARK_MOUNT },
	{ "file.fanotify-filesystem", watch_filesystem, "/shared", 0, 0 },
	{ "file.user-beyond-range", set_user, 0, 0, 65536 },
	{ "file.give-beyond-range", give_away, 0, 0, 65536 },
	{ 0, 0, 0, 0, 0 },
};
