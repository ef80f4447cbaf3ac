// SPDX-License-Identifier: GPL-2.0-only
/* Probes against limits: those that the guest has, and those that hold its cgroup. */
#include "escape.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int raise_hard(const struct probe *probe)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)probe->flags, &limit) < 0)
		return errno;
	if (limit.rlim_max == RLIM_INFINITY)
		return 0;
	limit.rlim_max++;
	return failed(setrlimit((__rlimit_resource_t)probe->flags, &limit));
}

/* A limit that nobody set is none at all: the guest would live by whatever its starter had. */
static int lock_memory(const struct probe *probe)
{
	struct rlimit limit;

	(void)probe;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return errno;
	if (limit.rlim_cur > 1UL << 30)
		return 0;
	void *memory = mmap(NULL, limit.rlim_cur + (1 << 20), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	return memory == MAP_FAILED ? errno : 0;
}

static int nice_up(const struct probe *probe)
{
	(void)probe;
	return failed(setpriority(PRIO_PROCESS, 0, -20));
}

static int realtime(const struct probe *probe)
{
	struct sched_param parameters = { .sched_priority = 1 };

	return failed(sched_setscheduler(0, (int)probe->flags, &parameters));
}

static int realtime_io(const struct probe *probe)
{
	(void)probe;
	return failed(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
}

static int more_priority_in_nested(const struct probe *probe)
{
	int error = nest();

	return error ? error : realtime(probe);
}

/* The group that carries the limits is above the root of the guest's cgroup namespace. */
static int leave_cgroup(const struct probe *probe)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return errno;
	return write_text(probe->path, "0");
}

/* A v1 hierarchy mounted inside shows the guest's own group: its limits are the host's to set. */
static int v1_limit(const struct probe *probe)
{
	char file[128];

	own_mounts();
	char *controller = strndup(probe->text, strcspn(probe->text, "."));
	if (!controller || mount("cgroup", SCRATCH, "cgroup", 0, controller) < 0)
		return errno;
	snprintf(file, sizeof(file), SCRATCH "/%s", probe->text);
	return write_text(file, probe->path);
}

static int v1_release_agent(const struct probe *probe)
{
	own_mounts();
	if (mount("cgroup", SCRATCH, "cgroup", 0, probe->path) < 0)
		return errno;
	return write_text(SCRATCH "/release_agent", "/escape");
}

/* A cgroup2 mount of its own shows the same root as the one that it was given. */
static int v2_above(const struct probe *probe)
{
	char here[4096], path[4200];

	own_mounts();
	if (mount("cgroup2", SCRATCH, "cgroup2", 0, NULL) < 0)
		return errno;
	FILE *file = fopen("/proc/1/cgroup", "re");
	if (!file)
		return errno;
	while (fgets(here, sizeof(here), file))
		if (strncmp(here, "0::/..", 6) == 0)
			return 0;
	fclose(file);
	snprintf(path, sizeof(path), SCRATCH "/../%s", probe->path);
	return write_text(path, "max");
}

const struct probe resource_probes[] = {
	{ "limit.raise-nofile", raise_hard, 0, 0, RLIMIT_NOFILE },
	{ "limit.raise-memlock", raise_hard, 0, 0, RLIMIT_MEMLOCK },
	{ "limit.raise-rtprio", raise_hard, 0, 0, RLIMIT_RTPRIO },
	{ "limit.raise-nice", raise_hard, 0, 0, RLIMIT_NICE },
	{ "limit.raise-msgqueue", raise_hard, 0, 0, RLIMIT_MSGQUEUE },
	{ "limit.lock-memory", lock_memory, 0, 0, 0 },
	{ "priority.nice", nice_up, 0, 0, 0 },
	{ "priority.fifo", realtime, 0, 0, SCHED_FIFO },
	{ "priority.fifo-nested", more_priority_in_nested, 0, 0, SCHED_FIFO },
	{ "priority.io", realtime_io, 0, 0, 0 },
	{ "oom.lower-init", try_write, "/proc/1/oom_score_adj", "-1000", 0 },
	{ "oom.lower-self", try_write, "/proc/self/oom_score_adj", "-1000", 0 },
	{ "cgroup.leave", leave_cgroup, "/sys/fs/cgroup/../cgroup.procs", 0, 0 },
	{ "cgroup.own-memory", try_write, "/sys/fs/cgroup/memory.max", "max", 0 },
	{ "cgroup.own-pids", try_write, "/sys/fs/cgroup/pids.max", "max", 0 },
	{ "cgroup.own-cpu", try_write, "/sys/fs/cgroup/cpu.max", "max", 0 },
	{ "cgroup.v2-above", v2_above, "cgroup.max.depth", 0, 0 },
	{ "cgroup.v1-memory", v1_limit, "-1", "memory.limit_in_bytes", 0 },
	{ "cgroup.v1-pids", v1_limit, "max", "pids.max", 0 },
	{ "cgroup.v1-devices", v1_limit, "a", "devices.allow", 0 },
	{ "cgroup.release-agent", v1_release_agent, "memory", 0, 0 },
	{ "cgroup.release-agent-rdma", v1_release_agent, "rdma", 0, 0 },
	{ "cgroup.release-agent-named", v1_release_agent, "none,name=escape", 0, 0 },
	{ 0, 0, 0, 0, 0 },
};
