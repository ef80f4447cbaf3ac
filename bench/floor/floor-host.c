// SPDX-License-Identifier: GPL-2.0-only
/* floor-host PROGRAM: vfork, exec and wait, in no namespace but the host's. */
#include "clone.h"

static char *environment[] = { 0 };

static void run(void *context)
{
	char **argv = context;

	bare_call(__NR_execve, (long)argv[0], (long)argv, (long)environment, 0, 0, 0);
	floor_exit(127);
}

int bare_main(char **argv)
{
	struct clone_args args = { 0 };
	int status = 0;
	long pid = floor_must(floor_vfork(&args, run, argv + 1), __LINE__);

	CALL(wait4, pid, &status, 0, 0, 0, 0);
	return status >> 8 & 255;
}
