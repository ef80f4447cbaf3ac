/*
 * SERVE: a resident process inside a guest that starts commands there. It is already everything that a
 * command must be (namespaces, cgroups, limits, credentials, filter), so a command costs a vfork and an
 * execve.
 *
 * Its memory belongs to the host's user namespace and is not dumpable: nothing in the guest can trace it
 * or read it. The guest can stop or kill it, and everyone who asks is prepared for that:
 *
 *   - a request lies in the queue of the socket that we are sent, which the asker has too. Who loses
 *     patience takes it back, with the descriptors in it, and then nobody ever executes it here;
 *   - who asks is given a pidfd. Commands are reaped by the kernel (SA_NOCLDWAIT), and the pidfd tells how
 *     they ended (PIDFD_INFO_EXIT), so nothing about a command needs this process once it runs;
 *   - one that could not be started is answered with NOT: the asker does it itself, and meets the same
 *     error with the words for it.
 *
 * Nothing of a command is left to the next one: descriptors are closed, the request is wiped.
 */
#include <asm/ioctls.h>
#include <linux/mman.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/signal.h>

#include "lib.h"
#include "ops.h"
#include "serve.h"
#include "sys.h"

#define PAGE 4096u

static uint8_t request[VS_ASK_BYTES] __attribute__((aligned(PAGE)));

struct base {
	const char *texts, *end;
	const char *path;
	size_t words;
};

struct command {
	const char *path, *cwd;
	char **argv, **envp;
	const int *fds;
	volatile int failed;
};

/* In the child, which shares our memory until it execs. */
static void become(void *context)
{
	struct command *command = context;
	long error = 0;

	for (int fd = 0; fd < 3 && error >= 0; fd++)
		error = sys(__NR_dup3, command->fds[fd], fd, 0);
	if (error >= 0)
		error = sys(__NR_setsid);
	if (error >= 0)
		error = sys(__NR_ioctl, 0, TIOCSCTTY, 0);
	if (error >= 0 || error == -ENOTTY || error == -EBADF)
		error = sys(__NR_chdir, command->cwd);
	if (error >= 0)
		vs_op_exec(command->path, command->argv, command->envp);
	command->failed = 1;
	sys_exit(1);
}

static void let_go(int *fds)
{
	for (int i = 0; i <= VS_ASK_FDS; i++)
		if (fds[i] >= 0)
			sys_close(fds[i]);
}

/* One message into the buffer, and up to three descriptors. Its size, 0 at the end of all, or -errno. */
static long receive(int socket, int *fds, unsigned flags)
{
	struct vs_iovec iov = { request, sizeof(request) };
	struct vs_rights rights;
	struct vs_msghdr message = { .iov = &iov,
				     .iov_count = 1,
				     .control = &rights,
				     .control_length = sizeof(rights) };
	long size = sys(__NR_recvmsg, socket, &message, flags | VS_MSG_CMSG_CLOEXEC);
	size_t count = 0;

	for (int i = 0; i <= VS_ASK_FDS; i++)
		fds[i] = -1;
	if (size <= 0)
		return size;
	if (message.control_length >= VS_RIGHTS_HEAD && rights.level == VS_SOL_SOCKET &&
	    rights.type == VS_SCM_RIGHTS)
		count = (rights.length - VS_RIGHTS_HEAD) / sizeof(int);
	for (size_t i = 0; i < count; i++)
		fds[i] = rights.fds[i];
	return message.flags & (VS_MSG_TRUNC | VS_MSG_CTRUNC) ? -EBADMSG : size;
}

/* Does anybody still wait for the answer? */
static int asker_lives(int reply)
{
	struct pollfd asker = { .fd = reply };
	struct { int64_t seconds, nanoseconds; } now = { 0, 0 };

	return reply >= 0 && !sys(__NR_ppoll, &asker, 1, &now, NULL, 8);
}

static void answer(int reply, char what, int pidfd)
{
	struct vs_iovec iov = { &what, 1 };
	struct vs_rights rights = { .length = VS_RIGHTS_HEAD + sizeof(int),
				    .level = VS_SOL_SOCKET,
				    .type = VS_SCM_RIGHTS,
				    .fds = { pidfd } };
	struct vs_msghdr message = { .iov = &iov, .iov_count = 1 };

	if (pidfd >= 0) {
		message.control = &rights;
		message.control_length = VS_RIGHTS_HEAD + sizeof(int64_t);
	}
	sys(__NR_sendmsg, reply, &message, VS_MSG_DONTWAIT | VS_MSG_NOSIGNAL);
}

/* A pidfd of the command, which has exec'd; or -1, and nothing has happened. */
static int start(const struct base *base, const struct vs_ask *ask, long size, const int *fds)
{
	char *words[VS_ASK_WORDS + 2] = { 0 }, **envp = words, **argv;
	const char *at = base->texts, *end = (const char *)ask + size;
	struct command command = { .path = base->path, .fds = fds };
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	uint32_t left;

	if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0 || size <= (long)sizeof(*ask) || ask->magic != VS_ASK_MAGIC || end[-1] ||
	    ask->argv_count > VS_ASK_WORDS || ask->env_count > VS_ASK_WORDS ||
	    2 * base->words + ask->argv_count + ask->env_count > VS_ASK_WORDS)
		return -1;
	vs_words_take(&at, base->end, envp);
	argv = envp + base->words + ask->env_count + 1;
	if (ask->flags & VS_ASK_LOGIN)
		vs_words_take(&at, base->end, argv);
	at = command.cwd = (const char *)(ask + 1);
	for (left = ask->argv_count + ask->env_count; left && at < end; left--) {
		at += strlen(at) + 1;
		if (at == end)
			return -1;
		if (left > ask->env_count)
			argv[ask->argv_count + ask->env_count - left] = (char *)at;
		else
			vs_words_set(envp, at);
	}
	command.argv = argv;
	command.envp = envp;
	if (sys_failed(vs_clone_borrowing(&args, become, &command)))
		return -1;
	if (!command.failed)
		return pidfd;
	sys_close(pidfd);
	return -1;
}

/* Small requests stay in one page, which is wiped; the others are given back. */
static void wipe(long size)
{
	size_t used = size > 0 ? (size_t)size : sizeof(request);

	memset(request, 0, used < PAGE ? used : PAGE);
	if (used > PAGE)
		sys(__NR_madvise, request + PAGE, sizeof(request) - PAGE, MADV_DONTNEED);
}

static void reap_nothing(void)
{
	/* the kernel's struct sigaction: handler, flags (SA_NOCLDWAIT), restorer, mask */
	uint64_t action[4] = { 0, 2 };

	sys(__NR_rt_sigaction, SIGCHLD, action, NULL, 8);
}

/* Takes the request, unless it has been taken back. */
static void serve(const struct base *base, int reply)
{
	int fds[VS_ASK_FDS + 1], pidfd;
	long size = receive(reply, fds, VS_MSG_DONTWAIT);

	if (size != -EAGAIN) {
		pidfd = start(base, (const struct vs_ask *)request, size, fds);
		answer(reply, pidfd < 0 ? VS_ANSWER_NOT : VS_ANSWER_RUNS, pidfd);
		if (pidfd >= 0)
			sys_close(pidfd);
	}
	let_go(fds);
	wipe(size);
}

/* Of the plan nothing but these two is needed any more, and of the program only what serves. */
static void slim(struct vs_machine *m, const struct base *base)
{
	uintptr_t from = ((uintptr_t)m->header + PAGE - 1) & -(uintptr_t)PAGE;
	uintptr_t to = (uintptr_t)(base->texts < base->path ? base->texts : base->path);

	to &= -(uintptr_t)PAGE;
	if (to > from)
		sys(__NR_madvise, from, to - from, MADV_DONTNEED);
	sys_unmap(m->shared, sizeof(*m->shared));
	vs_shed_text();
}

void vs_op_serve(struct vs_machine *m, int socket, const struct vs_op *op)
{
	const char *texts = (const char *)vs_at(m, op->args[1]);
	uint32_t length = vs_length(op->args[1]);
	struct base base = { texts, texts + length, (const char *)vs_at(m, op->args[2]), 0 };

	for (uint32_t i = 0; i < length; i++)
		base.words += !texts[i];
	reap_nothing();
	slim(m, &base);
	for (;;) {
		int ends[VS_ASK_FDS + 1];
		long size = receive(socket, ends, 0);

		if (size == -EINTR)
			continue;
		if (size == 0 || (size < 0 && size != -EBADMSG))
			sys_exit(0);
		if (asker_lives(ends[0]))
			serve(&base, ends[0]);
		let_go(ends);
	}
}
