/*
 * The guest's forker: made when somebody who has entered the guest asks for one (SIGUSR1), and made again
 * when the guest has killed it. The supervisor's end of its socket is what the front door takes a copy of.
 */
#include "supervise.h"

#include "serve.h"

#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

/* A guest that kills or stops its forker gets a new one at most this often. */
#define AGAIN_MS 1000
#define CLOCK_BOOTTIME_ID 7

volatile int vs_super_forker_wanted VS_HOT;

/*
 * The name says in which boot the socket was made: a record of an earlier one, whose pids and inode
 * numbers may all have come again, names another.
 */
static int make_pair(const struct vs_super *s, int *ends)
{
	struct vs_forker_name name;
	int error = (int)sys(__NR_socketpair, VS_AF_UNIX, VS_SOCK_SEQPACKET | O_CLOEXEC, 0, ends);

	if (error)
		return error;
	vs_forker_name(&name, &s->state);
	name.nonce = vs_clock_ns(CLOCK_BOOTTIME_ID);
	error = (int)sys(__NR_bind, ends[0], &name, sizeof(name));
	if (error) {
		sys_close(ends[0]);
		sys_close(ends[1]);
	}
	return error;
}

/* What was our command line would be shown in the guest's /proc. */
static void forget_command_line(struct vs_super *s)
{
	static const char name[] = "vserver-exec";
	char *at = s->argv[0];
	size_t size = 0;

	for (char **word = s->argv; *word == at + size; word++)
		size += strlen(*word) + 1;
	memset(at, 0, size);
	memcpy(at, name, size < sizeof(name) ? size - 1 : sizeof(name) - 1);
}

/*
 * FORK runs in a child, because it changes the namespaces of the children to come; the forker is born as
 * our own child nevertheless. That child's end also tells whether this kernel keeps exit codes for
 * pidfds, without which a forker is of no use.
 */
static int run_fork(struct vs_super *s, struct vs_keptfile *kept, int socket)
{
	int pidfd = -1, status = 0, error = vs_kept_load(kept, &s->machine);
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	uint64_t *slots;
	long pid;

	if (error)
		return error;
	slots = s->machine.shared->slots;
	slots[VS_SLOT_INIT_PID] = s->state.init_pid;
	slots[VS_SLOT_INIT_PIDFD] = (uint64_t)s->init;
	slots[VS_SLOT_FORKER] = (uint64_t)socket;
	pid = sys(__NR_clone3, &args, sizeof(args));
	if (!pid) {
		forget_command_line(s);
		if (vs_run(&s->machine, VS_ROLE_FORK))
			vs_abandon(&s->machine);
		sys_exit(vs_failure(&s->machine, &(struct vs_failure){ 0 }) ? 1 : 0);
	}
	error = pid < 0 ? (int)pid : 0;
	if (!error) {
		while (sys(__NR_wait4, pid, &status, __WALL, NULL) == -EINTR)
			;
		error = status ? -EIO : 0;
		if (!error && vs_pidfd_status(pidfd) < 0) {
			error = -ENOSYS;
			s->no_forker = 1;
		}
		sys_close(pidfd);
	}
	sys_unmap(s->machine.shared, sizeof(*s->machine.shared));
	s->machine.shared = NULL;
	return error;
}

void vs_super_forker_drop(struct vs_super *s)
{
	int fd = (int)s->state.forker_fd;

	if (fd >= 0)
		sys_close(fd);
	s->state.forker_fd = ~0u;
}

void vs_super_forker(struct vs_super *s)
{
	uint64_t now = vs_boottime_ms();
	struct vs_keptfile kept;
	int ends[2], error;

	vs_super_forker_wanted = 0;
	if (s->no_forker || s->stopping || now < s->forker_at)
		return;
	s->forker_at = now + AGAIN_MS;
	vs_super_forker_drop(s);
	/* Nothing of the host's plan is there to be seen in the guest. */
	vs_super_slim(s);
	vs_kept_unmap(&s->kept);
	if (vs_kept_open(&kept, s->run, "fork.kept"))
		return;
	if (vs_build_is_ours(kept.head->build) && !make_pair(s, ends)) {
		error = run_fork(s, &kept, ends[1]);
		sys_close(ends[1]);
		if (error)
			sys_close(ends[0]);
		else
			s->state.forker_fd = (uint32_t)ends[0];
	}
	vs_kept_close(&kept);
	vs_super_write_state(s);
}
