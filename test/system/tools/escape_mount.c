// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes against masks, read-only mounts and file systems that a guest must not get hold of. Each runs
 * in a mount namespace of its own but in the guest's user namespace, so mounts that the guest's root
 * may change can be changed there too; the nested ones run one user namespace further down.
 */
#include "escape.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/wait.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

/* What lies under a mask counts, not that the mask could be taken off. */
static int beneath(const struct probe *probe)
{
	return try_open(&(struct probe){ .path = probe->path, .flags = O_RDONLY });
}

static int unmask(const struct probe *probe)
{
	own_mounts();
	if (umount2(probe->path, (int)probe->flags) < 0)
		return errno;
	return beneath(probe);
}

/* The same for what is visible but read-only: can it be written to once the mount on it is gone? */
static int unmask_write(const struct probe *probe)
{
	own_mounts();
	if (umount2(probe->path, MNT_DETACH) < 0)
		return errno;
	return try_write(&(struct probe){ .path = probe->text, .text = "0" });
}

static int unmask_nested(const struct probe *probe)
{
	int error = nest();

	if (error)
		return error;
	if (umount2(probe->path, MNT_DETACH) < 0)
		return errno;
	return beneath(probe);
}

static int move_mask(const struct probe *probe)
{
	own_mounts();
	int fd = open(SCRATCH "/away", O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return errno;
	if (mount(probe->path, SCRATCH "/away", NULL, MS_MOVE, NULL) < 0)
		return errno;
	return beneath(probe);
}

/* A copy of a tree without the mounts on it would show what they hide. */
static int bare_bind(const struct probe *probe)
{
	own_mounts();
	return failed(mount(probe->path, SCRATCH, NULL, MS_BIND, NULL));
}

static int bare_open_tree(const struct probe *probe)
{
	own_mounts();
	return failed(syscall(SYS_open_tree, AT_FDCWD, probe->path, OPEN_TREE_CLONE));
}

static int copy_unmask(const struct probe *probe)
{
	char path[128];

	own_mounts();
	if (mount("/proc", SCRATCH, NULL, MS_BIND | MS_REC, NULL) < 0)
		return errno;
	snprintf(path, sizeof(path), SCRATCH "/%s", probe->path);
	if (umount2(path, MNT_DETACH) < 0)
		return errno;
	return try_open(&(struct probe){ .path = path, .flags = O_RDONLY });
}

static int overlay_over(const struct probe *probe)
{
	char options[256];

	own_mounts();
	if (mount("tmpfs", SCRATCH, "tmpfs", 0, NULL) < 0)
		return errno;
	mkdir(SCRATCH "/u", 0755);
	mkdir(SCRATCH "/w", 0755);
	mkdir(SCRATCH "/m", 0755);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=" SCRATCH "/u,workdir=" SCRATCH "/w,userxattr",
		 probe->path);
	if (mount("overlay", SCRATCH "/m", "overlay", 0, options) < 0)
		return errno;
	return try_open(&(struct probe){ .path = probe->text, .flags = O_RDONLY });
}

/* flags: what the mount keeps; a flag that is missing is one that the probe tries to clear. */
static int remount(const struct probe *probe)
{
	own_mounts();
	if (mount(NULL, probe->path, NULL, MS_REMOUNT | MS_BIND | probe->flags, NULL) < 0)
		return errno;
	return probe->text ? write_text(probe->text, "0") : 0;
}

static int clear_flags(const struct probe *probe)
{
	struct mount_attr attributes = { .attr_clr = probe->flags };

	own_mounts();
	return failed(syscall(SYS_mount_setattr, AT_FDCWD, probe->path, 0, &attributes, sizeof(attributes)));
}

static int remount_super(const struct probe *probe)
{
	own_mounts();
	return failed(mount(NULL, probe->path, NULL, MS_REMOUNT, probe->text));
}

static int fresh(const struct probe *probe)
{
	own_mounts();
	return failed(mount(probe->path, SCRATCH, probe->path, probe->flags, probe->text));
}

static int fresh_nested(const struct probe *probe)
{
	int error = nest();

	return error ? error : fresh(probe);
}

/* As container engines do inside of containers: a new pid namespace, then its own /proc. */
static int fresh_pid_proc(const struct probe *probe)
{
	int status;

	own_mounts();
	if (unshare(CLONE_NEWPID) < 0)
		return errno;
	pid_t child = fork();
	if (child == 0)
		_exit(failed(mount("proc", SCRATCH, "proc", 0, NULL)));
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return errno;
	(void)probe;
	return WEXITSTATUS(status);
}

static int fsopen_proc(const struct probe *probe)
{
	int fd = (int)syscall(SYS_fsopen, probe->path, 0);

	if (fd < 0)
		return errno;
	if (syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return errno;
	return failed(syscall(SYS_fsmount, fd, 0, 0));
}

/* A mask whose source is shared with the host or with other guests must not take anything. */
static int write_mask(const struct probe *probe)
{
	return failed(open(probe->path, O_WRONLY | O_CREAT, 0600));
}

/* Propagation back into the host's mount namespace: the root must not be shared with it. */
static int propagate(const struct probe *probe)
{
	char line[512];
	FILE *file = fopen("/proc/self/mountinfo", "re");

	(void)probe;
	if (!file)
		return errno;
	while (fgets(line, sizeof(line), file))
		if (strstr(line, " / / ") && strstr(line, "master:")) {
			fclose(file);
			return CONTAINED;
		}
	fclose(file);
	own_mounts();
	return mount("tmpfs", SCRATCH, "tmpfs", 0, NULL) < 0 ? errno : CONTAINED;
}

const struct probe mount_probes[] = {
	{ "mask.umount-kcore", unmask, "/proc/kcore", 0, MNT_DETACH },
	{ "mask.umount-keys", unmask, "/proc/keys", 0, MNT_DETACH },
	{ "mask.umount-key-users", unmask, "/proc/key-users", 0, 0 },
	{ "mask.umount-timer-list", unmask, "/proc/timer_list", 0, MNT_DETACH },
	{ "mask.umount-kmsg", unmask, "/proc/kmsg", 0, MNT_DETACH },
	{ "mask.umount-proc-sys", unmask_write, "/proc/sys", "/proc/sys/kernel/panic", 0 },
	{ "mask.umount-sys", unmask_write, "/sys", "/sys/power/state", 0 },
	{ "mask.umount-sysrq", unmask, "/proc/sysrq-trigger", 0, MNT_FORCE },
	{ "mask.umount-firmware", unmask, "/sys/firmware", 0, MNT_DETACH },
	{ "mask.nested-kcore", unmask_nested, "/proc/kcore", 0, 0 },
	{ "mask.nested-keys", unmask_nested, "/proc/keys", 0, 0 },
	{ "mask.move-kcore", move_mask, "/proc/kcore", 0, 0 },
	{ "mask.move-keys", move_mask, "/proc/keys", 0, 0 },
	{ "mask.bare-bind-proc", bare_bind, "/proc", 0, 0 },
	{ "mask.bare-tree-proc", bare_open_tree, "/proc", 0, 0 },
	{ "mask.copy-umount-kcore", copy_unmask, "kcore", 0, 0 },
	{ "mask.copy-umount-keys", copy_unmask, "keys", 0, 0 },
	{ "mask.overlay-proc", overlay_over, "/proc", SCRATCH "/m/kcore", 0 },
	{ "mask.write-firmware", write_mask, "/sys/firmware/escape", 0, 0 },
	{ "mask.write-acpi", write_mask, "/proc/acpi/escape", 0, 0 },
	{ "mask.write-scsi", write_mask, "/proc/scsi/escape", 0, 0 },
	{ "readonly.proc-sys", remount, "/proc/sys", "/proc/sys/kernel/panic", 0 },
	{ "readonly.proc-irq", remount, "/proc/irq", "/proc/irq/default_smp_affinity", 0 },
	{ "readonly.proc-bus", remount, "/proc/bus", 0, 0 },
	{ "readonly.proc-fs", remount, "/proc/fs", 0, 0 },
	{ "readonly.sys", remount, "/sys", "/sys/power/state", 0 },
	{ "readonly.sys-attr", clear_flags, "/sys", 0, MOUNT_ATTR_RDONLY },
	{ "readonly.proc-sys-attr", clear_flags, "/proc/sys", 0, MOUNT_ATTR_RDONLY },
	{ "readonly.sys-super", remount_super, "/sys", 0, 0 },
	{ "nodev.root-remount", remount, "/", 0, 0 },
	{ "nodev.root-attr", clear_flags, "/", 0, MOUNT_ATTR_NODEV },
	{ "nodev.mount-remount", remount, "/shared", 0, 0 },
	{ "nosuid.mount-attr", clear_flags, "/shared", 0, MOUNT_ATTR_NOSUID },
	{ "super.root", remount_super, "/", "lowerdir=/", 0 },
	{ "fresh.proc", fresh, "proc", 0, 0 },
	{ "fresh.proc-subset", fresh, "proc", "subset=pid", 0 },
	{ "fresh.proc-in-pid-namespace", fresh_pid_proc, 0, 0, 0 },
	{ "fresh.proc-nested", fresh_nested, "proc", 0, 0 },
	{ "fresh.proc-fsopen", fsopen_proc, "proc", 0, 0 },
	{ "fresh.sysfs", fresh, "sysfs", 0, 0 },
	{ "fresh.sysfs-nested", fresh_nested, "sysfs", 0, 0 },
	{ "fresh.devtmpfs", fresh, "devtmpfs", 0, 0 },
	{ "fresh.debugfs", fresh, "debugfs", 0, 0 },
	{ "fresh.tracefs", fresh, "tracefs", 0, 0 },
	{ "fresh.securityfs", fresh, "securityfs", 0, 0 },
	{ "fresh.pstore", fresh, "pstore", 0, 0 },
	{ "fresh.configfs", fresh, "configfs", 0, 0 },
	{ "fresh.hugetlbfs", fresh, "hugetlbfs", 0, 0 },
	{ "fresh.ext4", fresh, "ext4", 0, 0 },
	{ "fresh.xfs", fresh, "xfs", 0, 0 },
	{ "fresh.btrfs", fresh, "btrfs", 0, 0 },
	{ "fresh.squashfs", fresh, "squashfs", 0, 0 },
	{ "fresh.fuseblk", fresh, "fuseblk", "fd=0,rootmode=40000,user_id=0,group_id=0", 0 },
	{ "propagation.root", propagate, 0, 0, 0 },
	{ 0, 0, 0, 0, 0 },
};
