/*
 * A batch session for the runtime to find: an executor that waits for plans while the runtime is still
 * starting. From here it costs a fork of next to nothing; the runtime itself would have to load what
 * starts processes, and wait.
 *
 * It ends when its input does, so it never outlives the runtime. Who takes its parent's place reaps it.
 */
#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/resource.h>

#include "appliance.h"
#include "lib.h"
#include "sys.h"

#define SIGNALS 64

/* Verbs that always need one. Of any other the runtime starts one itself if it has to. */
static const char *const verbs[] = { "start", "create", "clone", "rename", "destroy" };

static int is_wanted(char **argv)
{
	for (char **word = argv + 1; *word && !vs_equal(*word, "--"); word++)
		for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
			if (vs_equal(*word, verbs[i]))
				return 1;
	return 0;
}

/*
 * In the child: nothing of the caller's but standard error, and out of the terminal's process group, for
 * after ^C it is what cleans up. Signals and the limit of open files are as the runtime sets its own.
 */
__attribute__((noreturn)) static void become(const char *executor, char **envp, int in, int out,
					     long parent)
{
	char *argv[] = { (char *)executor, (char *)"@batch", NULL };
	uint64_t action[4] = { 0 }, mask = 0;
	struct rlimit64 files;

	/* Until it has a plan to run (batch.c), it is gone as soon as the runtime is. */
	sys(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (sys(__NR_getppid) != parent)
		sys_exit(1);
	sys(__NR_dup3, in, 0, 0);
	sys(__NR_dup3, out, 1, 0);
	sys(__NR_close_range, 3, ~0u, 0);
	for (int number = 1; number <= SIGNALS; number++)
		sys(__NR_rt_sigaction, number, action, NULL, 8);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	if (!sys(__NR_prlimit64, 0, RLIMIT_NOFILE, NULL, &files)) {
		files.rlim_cur = files.rlim_max;
		sys(__NR_prlimit64, 0, RLIMIT_NOFILE, &files, NULL);
	}
	sys(__NR_setsid);
	sys(__NR_execve, executor, argv, envp);
	sys_exit(127);
}

/* All ends, for closing. */
static void let_go(const int *ends, int count)
{
	for (int i = 0; i < count; i++)
		sys_close(ends[i]);
}

void vs_appliance_session(char **argv, char **envp, const char *executor, char *told)
{
	int ends[4], lowest;
	long self = sys(__NR_getpid), pid;

	if (!is_wanted(argv) || sys(__NR_pipe2, ends, 0))
		return;
	if (sys(__NR_pipe2, ends + 2, 0)) {
		let_go(ends, 2);
		return;
	}
	lowest = ends[0] < ends[2] ? ends[0] : ends[2];
	/* A standard descriptor that the caller closed would be taken for the caller's own. */
	pid = lowest < 3 ? -EBADF : sys(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		become(executor, envp, ends[0], ends[3], self);
	if (pid < 0) {
		let_go(ends, 4);
		return;
	}
	sys_close(ends[0]);
	sys_close(ends[3]);
	told += vs_decimal(told, (uint64_t)ends[2]);
	*told++ = ',';
	vs_decimal(told, (uint64_t)ends[1]);
}
