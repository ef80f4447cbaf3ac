/* From the kept plan to a running guest, and from a dead one to nothing. */
#include "supervise.h"

#include <asm/stat.h>
#include <linux/capability.h>
#include <linux/sched.h>

#define CLOCK_REALTIME_ID 0
#define CLOCK_BOOTTIME_ID 7

/*
 * HOST may have left us with the guest's ids and namespaces of its own. Everything that we write
 * is the host's, and the next HOST starts as this one did.
 */
void vs_super_own_rights(struct vs_super *s)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	struct stat st;

	sys(__NR_setresuid, -1, 0, 0);
	sys(__NR_setresgid, -1, 0, 0);
	sys(__NR_setfsuid, 0);
	sys(__NR_setfsgid, 0);
	if (!sys(__NR_capget, &head, data)) {
		data[0].effective = data[0].permitted;
		data[1].effective = data[1].permitted;
		sys(__NR_capset, &head, data);
	}
	/* unshare(CLONE_NEWTIME) meant the guest, but an exec of ours (a reboot) would enter it too. */
	if (s->time >= 0)
		sys(__NR_setns, s->time, CLONE_NEWTIME);
	if (s->mounts < 0 || sys(__NR_newfstatat, AT_FDCWD, "/proc/self/ns/mnt", &st, 0) ||
	    st.st_ino == s->mounts_ino)
		return;
	if (!sys(__NR_setns, s->mounts, CLONE_NEWNS) && !sys(__NR_fchdir, s->root))
		sys(__NR_chroot, ".");
	sys(__NR_chdir, "/");
}

static int fail_own(struct vs_super *s, const char *phrase, const char *call, int error)
{
	struct vs_failure failure = { .error = (uint32_t)-error, .phrase = phrase, .call = call };

	vs_super_failed(s, &failure);
	return -1;
}

static int fd_slot(const struct vs_super *s, uint32_t slot)
{
	uint64_t value = s->machine.shared->slots[slot];

	return value < 0x7fffffff ? (int)value : -1;
}

static int identify(struct vs_identity *id, uint32_t pid, int pidfd)
{
	id->pid = pid;
	return vs_identify(id, pidfd);
}

/* What HOST gave us. */
static int adopt(struct vs_super *s)
{
	struct vs_identity id = { 0 };
	int error;

	s->state.init_pid = (uint32_t)fd_slot(s, VS_SLOT_INIT_PID);
	s->init = fd_slot(s, VS_SLOT_INIT_PIDFD);
	s->master = fd_slot(s, VS_SLOT_CONSOLE);
	s->peer = fd_slot(s, VS_SLOT_CONSOLE_PEER);
	s->notify = fd_slot(s, VS_SLOT_NOTIFY);
	s->state.devpts_fd = (uint32_t)fd_slot(s, VS_SLOT_DEVPTS);
	if ((int)s->state.init_pid <= 0)
		return -ESRCH;
	if (s->init < 0)
		s->init = (int)sys(__NR_pidfd_open, s->state.init_pid, 0);
	if (s->init < 0)
		return s->init;
	error = identify(&id, s->state.init_pid, s->init);
	s->state.init_ino = id.ino;
	s->state.init_start = id.start;
	s->state.started_at_ns = vs_clock_ns(CLOCK_REALTIME_ID);
	s->state.started_boot_ns = vs_clock_ns(CLOCK_BOOTTIME_ID);
	s->state.state = VS_STATE_RUNNING;
	return error;
}

static int run_host(struct vs_super *s)
{
	struct vs_failure failure;
	int error = vs_kept_load(&s->kept, &s->machine);

	if (error)
		return fail_own(s, "read the kept plan", "verify", error);
	s->machine.shared->slots[VS_SLOT_RUN_DIR] = (uint64_t)s->run;
	error = vs_own(&s->machine);
	if (error)
		return fail_own(s, "tie the guest to its supervisor", "set_robust_list", error);
	if (vs_run(&s->machine, VS_ROLE_HOST) || vs_failure(&s->machine, &failure)) {
		/* A child at a gate waits for us: none of them may be left. */
		vs_abandon(&s->machine);
		vs_super_own_rights(s);
		if (!vs_failure(&s->machine, &failure))
			return fail_own(s, "start the guest", "host", -EIO);
		vs_super_failed(s, &failure);
		return -1;
	}
	vs_super_own_rights(s);
	error = adopt(s);
	if (error) {
		vs_abandon(&s->machine);
		return fail_own(s, "watch the guest's init", "pidfd_open", error);
	}
	return 0;
}

static int own_state(struct vs_super *s)
{
	struct vs_identity id = { 0 };
	uint32_t pid = (uint32_t)sys(__NR_getpid);
	int fd = (int)sys(__NR_pidfd_open, pid, 0);
	int error = fd < 0 ? fd : identify(&id, pid, fd);

	if (fd >= 0)
		sys_close(fd);
	s->state.magic = VS_MAGIC_STATE;
	s->state.version = VS_PLAN_VERSION;
	s->state.state = VS_STATE_STARTING;
	s->state.supervisor_pid = pid;
	s->state.supervisor_ino = id.ino;
	s->state.supervisor_start = id.start;
	s->state.devpts_fd = ~0u;
	s->state.forker_fd = ~0u;
	vs_own_build(s->state.build);
	/* Whoever starts us has just compared it with the kernel's. */
	memcpy(s->state.boot, s->kept.head->boot, sizeof(s->state.boot));
	return error;
}

int vs_super_boot(struct vs_super *s)
{
	int error = vs_kept_read(&s->kept, s->kept_fd);

	if (!error && !vs_build_is_ours(s->kept.head->build))
		error = -ESTALE;
	if (error)
		return fail_own(s, "read the kept plan", "mmap", error);
	error = own_state(s);
	if (!error)
		error = vs_super_first_state(s);
	if (error)
		return fail_own(s, "write the state record", "write", error);
	s->stop_signal = s->kept.head->stop_signal;
	s->stop_ms = s->kept.head->stop_timeout_ms;
	error = vs_console_listen(s);
	if (error)
		fail_own(s, "open the console's socket", "bind", error);
	else
		error = run_host(s);
	vs_disown();
	return error;
}

/*
 * A guest that ends at once meets the plan and the shared page still mapped, which saves TEARDOWN their
 * page faults; one that stays does not pay for them.
 */
void vs_super_slim(struct vs_super *s)
{
	vs_shed_text();
	if (s->kept.at)
		vs_kept_drop(&s->kept);
	if (s->machine.shared)
		sys_unmap(s->machine.shared, sizeof(*s->machine.shared));
	s->machine.shared = NULL;
}

/* Does a program read what HOST may have stored? Texts are never stored into. */
static int reads_data(const struct vs_machine *m, uint32_t role)
{
	const struct vs_program *program = vs_program(m, role);

	for (uint32_t i = 0; program && i < program->count; i++)
		for (int arg = 0; arg < 6; arg++)
			if (m->ops[program->first + i].kinds[arg] == VS_ARG_DATA)
				return 1;
	return 0;
}

/* The plan as the file has it, verified; what HOST has used already is, where that makes no difference. */
static int load_again(struct vs_super *s)
{
	int error = 0;

	if (s->kept.at && s->machine.header && !reads_data(&s->machine, VS_ROLE_TEARDOWN)) {
		error = vs_machine_init(&s->machine);
		if (!error)
			vs_machine_load(&s->machine, s->kept.plan);
		return error;
	}
	if (s->kept.at)
		vs_kept_drop(&s->kept);
	else
		error = vs_kept_read(&s->kept, s->kept_fd);
	return error ? error : vs_kept_load(&s->kept, &s->machine);
}

int vs_super_tear_down(struct vs_super *s)
{
	int error = load_again(s);

	if (error)
		return error;
	s->machine.shared->slots[VS_SLOT_RUN_DIR] = (uint64_t)s->run;
	if (vs_run(&s->machine, VS_ROLE_TEARDOWN)) {
		vs_abandon(&s->machine);
		error = -EIO;
	}
	return error;
}
