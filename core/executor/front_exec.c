/* `exec` and `enter`: a command in a running guest. No lock, and as few system calls as will do. */
#include "front_exec.h"

#define PR_SET_DUMPABLE 4
#define USR1 10

static const char *verb(const struct vs_request *r)
{
	return r->verb == VS_VERB_EXEC ? "exec in" : "enter";
}

/* The guest, running, and a pidfd of its init. 0, or an exit code, or -1. */
static int find(const struct vs_request *r, struct vs_guest *g, int *init)
{
	struct vs_identity id;
	int error;

	if (vs_look(g, r, r->names[0]))
		return -1;
	if (g->life == VS_LIFE_UNKNOWN)
		return r->historical ? -1 : vs_error_unknown(r, verb(r), r->names[0]);
	if (g->life == VS_LIFE_STALE) {
		error = vs_clean_lost_locked(r, g, r->verb_word);
		if (g->life == VS_LIFE_UNCLEAR) {
			vs_error_unclear(r, verb(r), r->names[0]);
			return VS_SETUP_FAILED;
		}
		if (error)
			return error == -EAGAIN ? vs_error_busy(r, verb(r), r->names[0], g->run) : -1;
	}
	if (g->life != VS_LIFE_ALIVE || g->state.state == VS_STATE_STARTING)
		return vs_error_not_running(r, verb(r), r->names[0]);
	if (!vs_build_is_ours(g->state.build)) {
		vs_hop(r, g->state.build);
		vs_error(r, VS_E_EXECUTOR, "restart the guest to bring it to this build", "Cannot ",
			 verb(r), " \"", r->names[0],
			 "\": the executor that started it is not there any more", NULL);
		return VS_SETUP_FAILED;
	}
	id = (struct vs_identity){ g->state.init_pid, g->state.init_ino, g->state.init_start };
	*init = vs_open_process(&id);
	return *init < 0 ? vs_error_not_running(r, verb(r), r->names[0]) : 0;
}

static int setup_failed(const struct vs_request *r, const char *phrase, const char *call, int error)
{
	vs_error_op(r, phrase, call, (uint32_t)-error);
	return VS_SETUP_FAILED;
}

static int cannot_run(const struct vs_request *r, const char *command, uint32_t error)
{
	int missing = error == ENOENT || error == ENOTDIR;
	char buffer[32];

	vs_error(r, VS_E_COMMAND, NULL, "Cannot run \"", command, "\" in guest \"", r->names[0], "\": ",
		 missing	   ? "not found" :
		 error == EACCES ? "permission denied" :
				   vs_errno_name(error, buffer),
		 NULL);
	return missing ? VS_NOT_FOUND : VS_NOT_EXECUTABLE;
}

static int failed(const struct vs_request *r, struct vs_machine *m, const char *command)
{
	struct vs_failure failure = { .phrase = "enter the guest", .call = "clone3", .error = EIO };
	const struct vs_program *program;

	vs_failure(m, &failure);
	vs_abandon(m);
	program = vs_program(m, failure.role);
	if (program && failure.role == VS_ROLE_COMMAND &&
	    m->ops[program->first + failure.op].code == VS_OP_EXEC)
		return cannot_run(r, command, failure.error);
	/* Its init has ended since we looked. */
	if (failure.error == ESRCH)
		return vs_error_not_running(r, verb(r), r->names[0]);
	return setup_failed(r, failure.phrase, failure.call, -(int)failure.error);
}

static int exit_code(int status)
{
	if (status < 0)
		return -status;
	return status & 127 ? 128 + (status & 127) : status >> 8 & 255;
}

static int await(struct vs_stdio *io, int pid)
{
	struct vs_relay *relay = &io->relay;
	int status;

	vs_relay_command(pid, -1);
	if (!relay->lane_count)
		return exit_code(vs_relay_wait(pid));
	relay->pid = pid;
	relay->pidfd = (int)sys(__NR_pidfd_open, pid, 0);
	if (io->pty && io->terminals & 1)
		vs_terminal_raw(0);
	status = vs_relay_run(relay);
	return exit_code(status);
}

static const char *term_entry(const struct vs_request *r)
{
	const char *value = vs_getenv(r->envp, "TERM");

	return value ? value - 5 : NULL;
}

/* What the command gets instead of the caller's terminals. 0, or an exit code. */
static int prepare(const struct vs_request *r, struct vs_stdio *io, const struct vs_guest *g)
{
	const char *call;
	int error;

	vs_relay_signals(io->pty || io->terminals);
	if (!io->pty && !io->terminals)
		return 0;
	error = vs_stdio_replace(io, g, &call);
	if (!error)
		return 0;
	vs_stdio_back(io);
	return setup_failed(r, "open a terminal in the guest", call, error);
}

/* The long way: by the enter plan, in a child of ours. */
static int run(const struct vs_request *r, struct vs_stdio *io, struct vs_guest *g,
	       struct vs_keptfile *kept, int init, int forker_wanted)
{
	size_t room = vs_exec_room(r, kept);
	struct vs_words words = { .envp = __builtin_alloca(2 * room * sizeof(char *)) };
	struct vs_machine m = { 0 };
	uint64_t *slots;
	int error = vs_kept_load(kept, &m);

	if (error) {
		vs_stdio_undo(io);
		return -1;
	}
	memset(words.envp, 0, 2 * room * sizeof(char *));
	words.login = words.envp + room;
	vs_exec_words(&words, r, kept, io->pty ? term_entry(r) : NULL);
	slots = m.shared->slots;
	slots[VS_SLOT_ARGV] = (uintptr_t)words.argv;
	slots[VS_SLOT_ENVP] = (uintptr_t)words.envp;
	slots[VS_SLOT_CWD] = (uintptr_t)(r->cwd ? r->cwd : "/");
	slots[VS_SLOT_INIT_PID] = g->state.init_pid;
	slots[VS_SLOT_INIT_PIDFD] = (uint64_t)init;
	sys(__NR_prctl, PR_SET_DUMPABLE, 0);
	error = vs_run(&m, VS_ROLE_ENTER);
	vs_stdio_back(io);
	if (error)
		return failed(r, &m, words.argv[0] ? words.argv[0] : "");
	/* The next one who enters shall find a forker. */
	if (forker_wanted)
		vs_signal_process(g->supervisor, USR1);
	return await(io, (int)slots[VS_SLOT_COMMAND_PID]);
}

static int await_other(const struct vs_request *r, struct vs_stdio *io, int pidfd)
{
	struct vs_relay *relay = &io->relay;
	int status;

	vs_relay_command(0, pidfd);
	if (relay->lane_count) {
		relay->pidfd = pidfd;
		if (io->pty && io->terminals & 1)
			vs_terminal_raw(0);
		status = vs_relay_run(relay);
		return exit_code(status);
	}
	status = vs_pidfd_wait(pidfd);
	return status < 0 ? setup_failed(r, "learn how the command ended", "ioctl", status) :
			    exit_code(status);
}

/* The short way. An exit code, or -1: the other one. */
static int ask(const struct vs_request *r, struct vs_stdio *io, struct vs_forker *f)
{
	int result = prepare(r, io, &f->guest);

	if (result)
		return result;
	result = vs_forker_ask(f, r, io->pty ? term_entry(r) : NULL);
	sys_close(f->socket);
	if (result == VS_FORKER_NOT) {
		sys_close(f->guest.supervisor);
		vs_stdio_undo(io);
		return -1;
	}
	vs_stdio_back(io);
	if (result >= 0)
		return await_other(r, io, result);
	vs_error(r, VS_E_OP, "see what it did before it is run again", "Cannot ", verb(r), " \"",
		 r->names[0], "\": the guest has killed the process that was starting the command", NULL);
	return VS_SETUP_FAILED;
}

int vs_front_exec(struct vs_request *r)
{
	static struct vs_stdio io;
	static struct vs_forker forker;
	struct vs_keptfile kept;
	struct vs_guest g;
	int init = -1, code;

	vs_stdio_look(&io, r);
	if (io.directory < 0 && (r->verb == VS_VERB_EXEC || io.terminals & 1) &&
	    !vs_forker_find(&forker, r)) {
		code = ask(r, &io, &forker);
		if (code >= 0)
			return code;
	}
	code = find(r, &g, &init);
	if (!code)
		code = vs_stdio_refuse(&io, r);
	if (code)
		return code;
	if (r->verb == VS_VERB_ENTER && !(io.terminals & 1)) {
		vs_error(r, VS_E_USAGE, "vserver exec runs a command without a terminal",
			 "Cannot enter \"", r->names[0], "\": standard input is not a terminal", NULL);
		return VS_SETUP_FAILED;
	}
	if (vs_kept_open(&kept, g.run, "enter.kept"))
		return -1;
	if (!vs_build_is_ours(kept.head->build))
		return -1;
	code = prepare(r, &io, &g);
	return code ? code : run(r, &io, &g, &kept, init, forker.wanted);
}
