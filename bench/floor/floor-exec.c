// SPDX-License-Identifier: GPL-2.0-only
/*
 * floor-exec PID CGROUP [TASKS...] -- PROGRAM: what it takes at least to run a program in a guest: a
 * descriptor of its init, setns of eight namespaces, a process in its cgroup2, exec, wait.
 *
 * CGROUP is the directory of the cgroup2 group. Each TASKS is the `tasks` file of a version 1 group, which
 * the child joins before it execs, as on hybrid hosts.
 */
#include "clone.h"

#define NAMESPACES                                                                               \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)

static char *environment[] = { 0 };

struct job {
	char **tasks;
	char **argv;
	long pidfd;
};

/* The version 1 groups are joined from outside: inside, their files have no name. */
static void run(void *context)
{
	struct job *job = context;

	for (char **tasks = job->tasks; (*tasks)[0] == '/'; tasks++) {
		long fd = CALL(openat, AT_FDCWD, *tasks, O_WRONLY, 0, 0, 0);
		CALL(write, fd, "0", 1, 0, 0, 0);
		CALL(close, fd, 0, 0, 0, 0, 0);
	}
	CALL(setns, job->pidfd, NAMESPACES & ~(CLONE_NEWPID | CLONE_NEWTIME), 0, 0, 0, 0);
	CALL(execve, job->argv[0], job->argv, environment, 0, 0, 0);
	floor_exit(127);
}

int bare_main(char **argv)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP };
	struct job job = { .tasks = argv + 3, .argv = argv + 3 };
	int status = 0;

	while (job.argv[0][0] != '-')
		job.argv++;
	job.argv++;
	job.pidfd = CALL(pidfd_open, floor_number(argv[1]), 0, 0, 0, 0, 0);
	args.cgroup = (unsigned long)CALL(openat, AT_FDCWD, argv[2], O_PATH | O_DIRECTORY, 0, 0, 0);
	CALL(setns, job.pidfd, CLONE_NEWPID | CLONE_NEWTIME, 0, 0, 0, 0);
	long pid = floor_must(floor_vfork(&args, run, &job), __LINE__);
	CALL(wait4, pid, &status, 0, 0, 0, 0);
	return status >> 8 & 255;
}
