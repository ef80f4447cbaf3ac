/* Ops that make, replace and await processes. */
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define NAME_BYTES 255

/*
 * The stack of a child that shares our memory (CLONE_VM|CLONE_VFORK): we sleep until it execs or ends,
 * so one is enough; from such a child no second one can be made.
 */
static uint8_t borrowed_stack[16384] __attribute__((aligned(16)));

struct entry {
	struct vs_machine *machine;
	uint32_t role;
};

static void enter_on_stack(void *context)
{
	struct entry *entry = context;

	entry->machine->child = 2;
	entry->machine->child_count = 0;
	vs_run_child(entry->machine, entry->role);
}

struct birth {
	void (*entry)(void *);
	void *context;
	/* the cgroup to go to, or -1: it was born there */
	int group;
	/* written by the child, whose memory is ours */
	volatile int ran;
	volatile long error;
};

static void born(void *context)
{
	struct birth *birth = context;
	long fd;

	birth->ran = 1;
	if (birth->group >= 0) {
		fd = sys_openat(birth->group, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
		birth->error = fd < 0 ? fd : sys_write((int)fd, "0", 1);
		if (birth->error < 0)
			sys_exit(1);
		sys_close((int)fd);
	}
	birth->entry(birth->context);
}

/*
 * Since Linux 6.14 what is born into a cgroup is killed at once if that has been killed (cgroup.kill) more or
 * fewer times than the cgroup of its maker: the kernel notes the number of the wrong one. A guest's root may
 * kill its own, and only its init outlives that. Such a child has run no instruction: the next one is born
 * where we are, and moves, for which it waits some ms.
 */
long vs_clone_sharing(struct clone_args *args, void (*entry)(void *), void *context)
{
	struct birth birth = { entry, context, -1, 0, 0 };
	long pid = vs_clone_on_stack(args, sizeof(*args), born, &birth);

	if (pid > 0 && !birth.ran && args->flags & CLONE_INTO_CGROUP) {
		sys(__NR_wait4, pid, NULL, __WALL, NULL);
		birth.group = (int)args->cgroup;
		args->flags &= ~CLONE_INTO_CGROUP;
		pid = vs_clone_on_stack(args, sizeof(*args), born, &birth);
		if (birth.error < 0) {
			sys(__NR_wait4, pid, NULL, __WALL, NULL);
			return birth.error;
		}
	}
	return pid;
}

long vs_clone_borrowing(struct clone_args *args, void (*entry)(void *), void *context)
{
	args->stack = (uintptr_t)borrowed_stack;
	args->stack_size = sizeof(borrowed_stack);
	return vs_clone_sharing(args, entry, context);
}

/* The parent's own view, which a child that shares memory writes over, is put back afterwards. */
static long clone_sharing(struct vs_machine *m, struct clone_args *args, uint32_t role)
{
	struct entry entry = { m, role };
	uint32_t child = m->child, count = m->child_count;
	long pid;

	if (m->child == 2)
		return -EDEADLK;
	pid = vs_clone_borrowing(args, enter_on_stack, &entry);
	m->child = child;
	m->child_count = count;
	return pid;
}

long vs_op_clone(struct vs_machine *m, const struct vs_op *op)
{
	uint32_t role = (uint32_t)op->args[1];
	struct clone_args args;
	long pid;

	if (m->child_count == VS_CHILDREN)
		return -EAGAIN;
	/* a copy: data is the plan's, and a PUT may have changed what the verifier saw */
	memcpy(&args, vs_at(m, op->args[0]), sizeof(args));
	if (args.flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_SETTLS))
		return -EINVAL;
	if (args.flags & CLONE_VM) {
		if (!(args.flags & CLONE_VFORK))
			return -EINVAL;
		pid = clone_sharing(m, &args, role);
	} else {
		args.stack = args.stack_size = 0;
		pid = sys(__NR_clone3, &args, sizeof(args));
		if (!pid) {
			m->child = 1;
			m->child_count = 0;
			m->reply = NULL;
			vs_run_child(m, role);
		}
	}
	if (pid > 0 && !(args.flags & CLONE_PARENT))
		m->children[m->child_count++] = (int32_t)pid;
	return pid;
}

/* execve in each directory of the search path in turn, as execvpe(3) does. */
long vs_op_exec(const char *path, char **argv, char **envp)
{
	char file[PATH_MAX + NAME_BYTES + 1];
	const char *name;
	size_t length;
	int denied = 0;

	if (!argv || argv == (char **)-1l || !argv[0])
		return -EFAULT;
	name = argv[0];
	length = strlen(name);
	if (strchr(name, '/'))
		return sys(__NR_execve, name, argv, envp);
	if (!length)
		return -ENOENT;
	if (length > NAME_BYTES)
		return -ENAMETOOLONG;
	for (;; path++) {
		const char *end = strchr(path, ':');
		size_t size = end ? (size_t)(end - path) : strlen(path);
		long error;

		if (size < PATH_MAX - 1) {
			memcpy(file, path, size);
			if (size)
				file[size++] = '/';
			memcpy(file + size, name, length + 1);
			error = sys(__NR_execve, file, argv, envp);
			if (error == -EACCES)
				denied = 1;
			else if (error != -ENOENT && error != -ENOTDIR && error != -ENODEV &&
				 error != -ESTALE && error != -ETIMEDOUT)
				return error;
		}
		if (!end)
			return denied ? -EACCES : -ENOENT;
		path = end;
	}
}

static void forget(struct vs_machine *m, int32_t pid)
{
	for (uint32_t i = 0; i < m->child_count; i++)
		if (m->children[i] == pid)
			m->children[i--] = m->children[--m->child_count];
}

long vs_op_reap(struct vs_machine *m, uint64_t pid)
{
	int status = 0;
	long result;

	if ((int32_t)pid <= 0)
		return -EINVAL;
	do
		result = sys(__NR_wait4, (int32_t)pid, &status, __WALL, NULL);
	while (result == -EINTR);
	if (result < 0)
		return result;
	forget(m, (int32_t)pid);
	return status;
}

void vs_abandon(struct vs_machine *m)
{
	/* A pid that is not reaped cannot be reused, and waitid(2) tells whether it is ours still. */
	while (m->child_count) {
		int32_t pid = m->children[m->child_count - 1];

		if (sys(__NR_waitid, P_PID, pid, NULL, WEXITED | WNOHANG | WNOWAIT | __WALL, NULL)) {
			m->child_count--;
			continue;
		}
		sys(__NR_kill, pid, SIGKILL);
		vs_op_reap(m, (uint64_t)pid);
		forget(m, pid);
	}
}
