/* Starting a supervisor: a process of its own, from the executor's copy, with nothing inherited. */
#include "front.h"
#include "ops.h"

#include <asm/stat.h>
#include <linux/sched.h>
#include <linux/signal.h>

struct child {
	const char *path;
	char *argv[7];
	char *envp[1];
	int report;
	int null;
};

/* Root's, and nobody else's to write: what is run here has every right. */
static int is_safe(const char *path)
{
	struct stat st;

	return !sys(__NR_newfstatat, AT_FDCWD, path, &st, 0) && (st.st_mode & S_IFMT) == S_IFREG &&
	       !st.st_uid && !(st.st_mode & 022);
}

const char *vs_find_copy(char *room, const struct vs_request *r)
{
	const char *path = vs_getenv(r->envp, "VSERVER_EXECUTOR");
	uint8_t build[32];

	if (!path || !*path) {
		vs_own_build(build);
		vs_copy_path(room, r, build);
		path = room;
	}
	return is_safe(path) ? path : NULL;
}

/*
 * On a stack of its own, in our memory, while we sleep. dup2 clears close-on-exec; everything else is
 * closed by exec. 3 may be the pipe already, or the null device.
 */
static void run(void *context)
{
	struct child *child = context;
	int report = (int)sys(__NR_fcntl, child->report, F_DUPFD, 10);
	int null = (int)sys(__NR_fcntl, child->null, F_DUPFD, 10);

	if (report >= 0 && null >= 0) {
		sys(__NR_setsid);
		for (int fd = 0; fd < 3; fd++)
			sys(__NR_dup3, null, fd, 0);
		sys(__NR_dup3, report, 3, 0);
		sys(__NR_execve, child->path, child->argv, child->envp);
	}
	sys_exit(1);
}

int vs_spawn(const struct vs_request *r, const char *executor, const char *name, const char *group,
	     int *report)
{
	/* Its only signals are those that kill it: no handler needs room. */
	uint8_t stack[1024] __attribute__((aligned(16)));
	size_t length = strlen(r->root) + strlen(name) + 32;
	char *run_dir = __builtin_alloca(length), *guest_dir = __builtin_alloca(length);
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	struct child child = {
		.path = executor,
		.argv = { (char *)"vserver", (char *)"@supervise", run_dir, guest_dir, (char *)name },
	};
	int ends[2], place = -1;
	long pid;

	vs_put(run_dir, vs_put(run_dir, vs_put(run_dir, 0, r->root), "/run/vserver/guests/"), name);
	vs_put(guest_dir, vs_put(guest_dir, vs_put(guest_dir, 0, r->root), "/var/lib/vserver/guests/"), name);
	if (*group == '/') {
		place = (int)sys_openat(AT_FDCWD, group, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (place < 0)
			return place;
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)place;
	}
	pid = sys(__NR_pipe2, ends, O_CLOEXEC);
	if (pid) {
		if (place >= 0)
			sys_close(place);
		return (int)pid;
	}
	child.report = ends[1];
	child.null = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	/* A tree without /dev: the reading end of a pipe that nobody writes is as good. */
	if (child.null < 0)
		child.null = (int)sys(__NR_fcntl, ends[0], F_DUPFD_CLOEXEC, 3);
	pid = child.null < 0 ? child.null :
			       vs_clone_sharing(&args, run, &child);
	if (child.null >= 0)
		sys_close(child.null);
	sys_close(ends[1]);
	if (place >= 0)
		sys_close(place);
	if (pid < 0)
		sys_close(ends[0]);
	else
		*report = ends[0];
	return (int)pid;
}
