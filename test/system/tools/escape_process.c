// SPDX-License-Identifier: GPL-2.0-only
/* Probes against processes of the host, and against namespaces that are not the guest's. */
#include "escape.h"

#include <linux/kcmp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

static int kill_host(const struct probe *probe)
{
	return failed(kill(host.pid, (int)probe->flags));
}

static int queue_host(const struct probe *probe)
{
	(void)probe;
	siginfo_t info = { .si_code = SI_QUEUE };

	return failed(syscall(SYS_rt_sigqueueinfo, host.pid, SIGTERM, &info));
}

static int pidfd_host(const struct probe *probe)
{
	(void)probe;
	return failed(syscall(SYS_pidfd_open, host.pid, 0));
}

static int proc_host(const struct probe *probe)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", host.pid, probe->path);
	return failed(open(path, O_RDONLY));
}

static int seize_host(const struct probe *probe)
{
	(void)probe;
	return failed(ptrace(PTRACE_SEIZE, host.pid, NULL, NULL));
}

static int read_host(const struct probe *probe)
{
	char buffer[8];
	struct iovec here = { buffer, sizeof(buffer) }, there = { (void *)0x400000, sizeof(buffer) };

	return failed(syscall(probe->flags, host.pid, &here, 1L, &there, 1L, 0L));
}

static int compare_host(const struct probe *probe)
{
	(void)probe;
	return failed(syscall(SYS_kcmp, getpid(), host.pid, KCMP_FILES, 0, 0));
}

static int limit_host(const struct probe *probe)
{
	(void)probe;
	struct rlimit limit;

	return failed(prlimit(host.pid, RLIMIT_NOFILE, NULL, &limit));
}

static int pin_host(const struct probe *probe)
{
	(void)probe;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	return failed(sched_setaffinity(host.pid, sizeof(cpus), &cpus));
}

static int nice_host(const struct probe *probe)
{
	(void)probe;
	return failed(setpriority(PRIO_PROCESS, (id_t)host.pid, 19));
}

static int migrate_host(const struct probe *probe)
{
	(void)probe;
	unsigned long node = 1;

	return failed(syscall(SYS_migrate_pages, host.pid, 2L, &node, &node));
}

/* A parent outside the pid namespace reads as 0; anything else would be a process to attack. */
static int parent(const struct probe *probe)
{
	char text[4096], path[64];

	(void)probe;
	/* This is a child of the program that was exec'd into the guest: look at that one. */
	snprintf(path, sizeof(path), "/proc/%d/status", getppid());
	int fd = open(path, O_RDONLY);
	ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (count < 0)
		return errno;
	text[count] = 0;
	return strstr(text, "\nPPid:\t0\n") || strstr(text, "\nPPid:\t1\n") ? CONTAINED : 0;
}

/* A process group or session shared with the host would let signals pass, also from a terminal. */
static int session(const struct probe *probe)
{
	(void)probe;
	return getsid(0) == 0 || getpgid(0) == 0 ? 0 : CONTAINED;
}

/* The parent of the namespace, or the user namespace that owns it. */
static int ns_parent(const struct probe *probe)
{
	int fd = open(probe->path, O_RDONLY);

	if (fd < 0)
		return errno;
	int up = ioctl(fd, probe->flags);
	if (up < 0)
		return errno;
	return failed(setns(up, 0));
}

/* Every namespace of the guest's init must be the one that an exec'd process is in. */
static int ns_differs(const struct probe *probe)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };
	char ours[64], path[64], theirs[64];

	(void)probe;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		ssize_t a = readlink(path, ours, sizeof(ours));
		snprintf(path, sizeof(path), "/proc/1/ns/%s", kinds[i]);
		ssize_t b = readlink(path, theirs, sizeof(theirs));
		if (a < 0 || b < 0)
			return errno;
		if (a != b || memcmp(ours, theirs, (size_t)a))
			return 0;
	}
	return CONTAINED;
}

/*
 * Namespaces have file handles since 6.18. The first ones that a kernel makes are the host's: their
 * inode numbers are fixed (include/uapi/linux/nsfs.h) and their ids are small.
 */
static int ns_by_handle(const struct probe *probe)
{
	struct {
		unsigned int bytes;
		int type;
		unsigned long long id;
		unsigned int ns_type, inum;
	} handle = { 16, 0xf1, 0, CLONE_NEWUSER, 0xeffffffd };
	const int nsfs_root = -10003;
	int error = ENOENT;

	(void)probe;
	for (handle.id = 0; handle.id < 64; handle.id++) {
		int fd = (int)syscall(SYS_open_by_handle_at, nsfs_root, &handle, O_RDONLY);
		if (fd >= 0)
			return failed(setns(fd, CLONE_NEWUSER));
		error = errno;
	}
	return error;
}

static int ns_nested_host(const struct probe *probe)
{
	int error = nest();

	return error ? error : proc_host(probe);
}

/* Ids that the guest was not given must not become mappable further down. */
static int map_foreign(const struct probe *probe)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	write_text("/proc/self/setgroups", "deny");
	return write_text("/proc/self/uid_map", probe->text);
}

const struct probe process_probes[] = {
	{ "process.kill", kill_host, 0, 0, SIGKILL },
	{ "process.signal-0", kill_host, 0, 0, 0 },
	{ "process.sigqueue", queue_host, 0, 0, 0 },
	{ "process.pidfd", pidfd_host, 0, 0, 0 },
	{ "process.proc-status", proc_host, "status", 0, 0 },
	{ "process.proc-mem", proc_host, "mem", 0, 0 },
	{ "process.proc-root", proc_host, "root", 0, 0 },
	{ "process.ptrace", seize_host, 0, 0, 0 },
	{ "process.vm-readv", read_host, 0, 0, SYS_process_vm_readv },
	{ "process.vm-writev", read_host, 0, 0, SYS_process_vm_writev },
	{ "process.kcmp", compare_host, 0, 0, 0 },
	{ "process.prlimit", limit_host, 0, 0, 0 },
	{ "process.affinity", pin_host, 0, 0, 0 },
	{ "process.nice", nice_host, 0, 0, 0 },
	{ "process.migrate-pages", migrate_host, 0, 0, 0 },
	{ "process.parent", parent, 0, 0, 0 },
	{ "process.session", session, 0, 0, 0 },
	{ "namespace.host-user", proc_host, "ns/user", 0, 0 },
	{ "namespace.host-mnt-nested", ns_nested_host, "ns/mnt", 0, 0 },
	{ "namespace.user-parent", ns_parent, "/proc/self/ns/user", 0, NS_GET_PARENT },
	{ "namespace.pid-parent", ns_parent, "/proc/self/ns/pid", 0, NS_GET_PARENT },
	{ "namespace.user-owner", ns_parent, "/proc/self/ns/user", 0, NS_GET_USERNS },
	{ "namespace.not-inits", ns_differs, 0, 0, 0 },
	{ "namespace.by-handle", ns_by_handle, 0, 0, 0 },
	{ "namespace.map-foreign-id", map_foreign, 0, "0 65536 1\n", 0 },
	{ "namespace.map-all-ids", map_foreign, 0, "0 0 4294967295\n", 0 },
	{ 0, 0, 0, 0, 0 },
};
