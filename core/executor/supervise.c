/*
 * The supervisor: `@supervise RUNDIR GUESTDIR NAME [RESTARTS WINDOW_MS WINDOW_COUNT]`. See PROTOCOL.md.
 * The last three come from itself: when the guest reboots it starts afresh by executing itself, with the
 * kept plan's descriptor as 4.
 */
#include "supervise.h"

#include <asm/stat.h>

#define REPORT_FD 3
#define KEPT_FD 4
/* More reboots than this in the window wait a second each. */
#define REBOOTS 5
#define REBOOT_WINDOW_MS 10000
#define PR_SET_PDEATHSIG 1
#define PR_SET_NAME 15

struct vs_super vs_super VS_HOT;

volatile int vs_super_stop VS_HOT;
volatile int64_t vs_super_stop_ms VS_HOT;

/* A stop says how long it waits; a plain SIGTERM leaves that to the configuration. */
static void on_term(int signal, void *info, void *context)
{
	const struct {
		int32_t signo, error, code, pad;
		int32_t pid, uid;
		int64_t value;
	} *siginfo = info;

	(void)signal, (void)context;
	vs_super_stop_ms = siginfo->code == -1 ? siginfo->value : 0;
	vs_super_stop = 1;
}

static void on_user(int signal, void *info, void *context)
{
	(void)signal, (void)info, (void)context;
	vs_super_forker_wanted = 1;
}

static void on_other(int signal, void *info, void *context)
{
	(void)signal, (void)info, (void)context;
}

/*
 * Nothing of the caller's may reach the guest. Signals that we do not want are handled, not ignored: a
 * handler ends with exec, but what is ignored stays so, and init would inherit it.
 */
static void own_process(const char *name)
{
	char comm[16] = "vs:";

	for (int signal = 1; signal <= 64; signal++) {
		if (signal == 9 || signal == 19 || signal == 32 || signal == 33)
			continue;
		if (signal == 15)
			vs_handle(signal, on_term, VS_SA_RESTART);
		else if (signal == 10)
			vs_handle(signal, on_user, VS_SA_RESTART);
		else if (signal <= 3 || (signal >= 12 && signal <= 14) || signal == 17 ||
			 (signal >= 20 && signal <= 22) || signal == 24 || signal == 25)
			vs_handle(signal, on_other, VS_SA_RESTART);
		else
			vs_default(signal);
	}
	for (int i = 3; i < 15 && *name; i++)
		comm[i] = *name++;
	sys(__NR_prctl, PR_SET_PDEATHSIG, 0);
	sys(__NR_prctl, PR_SET_NAME, comm);
	sys(__NR_umask, 077);
	sys(__NR_chdir, "/");
	vs_mask(0);
}

static int open_places(struct vs_super *s, int again)
{
	struct stat st;
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	s->report = sys(__NR_fcntl, REPORT_FD, F_SETFD, FD_CLOEXEC) ? -1 : REPORT_FD;
	sys(__NR_close_range, again ? KEPT_FD + 1 : KEPT_FD, ~0u, 0);
	s->run = (int)sys_openat(AT_FDCWD, s->run_path, flags, 0);
	s->lib = (int)sys_openat(AT_FDCWD, s->guest_path, flags, 0);
	if (s->run < 0 || s->lib < 0)
		return s->run < 0 ? s->run : s->lib;
	if (again) {
		s->kept_fd = KEPT_FD;
		sys(__NR_fcntl, KEPT_FD, F_SETFD, FD_CLOEXEC);
	} else {
		s->kept_fd = (int)sys_openat(s->run, "start.kept",
					     O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	}
	if (s->kept_fd < 0)
		return s->kept_fd;
	s->root = (int)sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	s->mounts = (int)sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0);
	s->time = (int)sys_openat(AT_FDCWD, "/proc/self/ns/time", O_RDONLY | O_CLOEXEC, 0);
	if (s->mounts >= 0 && !sys(__NR_fstat, s->mounts, &st))
		s->mounts_ino = st.st_ino;
	return 0;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

/* Descriptors of the guest's file systems would keep them alive. */
static void drop_guest(struct vs_super *s)
{
	int devpts = (int)s->state.devpts_fd;

	drop(&s->init);
	drop(&s->master);
	drop(&s->peer);
	drop(&s->notify);
	drop(&devpts);
	s->state.devpts_fd = ~0u;
	vs_super_forker_drop(s);
}

static const char *reason(const struct vs_super *s, int *code, int *signal)
{
	int by = s->status & 127;

	*code = by ? -1 : s->status >> 8 & 255;
	*signal = by ? by : -1;
	if (by == 2 || by == 1) {
		*code = 0;
		*signal = -1;
	}
	if (s->stopping && !s->killed)
		return "stopped";
	return by == 2 ? "poweroff" : by ? "killed" : "exited";
}

/* The record goes last: until then the next command cleans up after us. */
static int finish(struct vs_super *s, int code, int signal, const char *why)
{
	int left;

	vs_console_close(s);
	drop_guest(s);
	left = vs_super_tear_down(s);
	vs_exit_write(s->lib, code, signal, why);
	sys(__NR_unlinkat, s->run, "console", 0);
	if (!left)
		sys(__NR_unlinkat, s->run, "state", 0);
	return left;
}

/* Starts afresh, in this process: pid, report and plan stay. Returns when that is impossible. */
static void reboot(struct vs_super *s, char **argv, char **envp)
{
	uint64_t now = vs_boottime_ms();
	char restarts[VS_DECIMAL], window[VS_DECIMAL], count[VS_DECIMAL];
	char *args[] = { argv[0], argv[1], argv[2], argv[3], argv[4], restarts, window, count, NULL };

	vs_console_close(s);
	drop_guest(s);
	if (vs_super_tear_down(s))
		return;
	if (!s->window_ms || now - s->window_ms > REBOOT_WINDOW_MS) {
		s->window_ms = now;
		s->window_count = 0;
	}
	vs_decimal(restarts, s->state.restarts + 1);
	vs_decimal(window, s->window_ms);
	vs_decimal(count, s->window_count + 1);
	if (s->kept_fd != KEPT_FD)
		sys(__NR_dup3, s->kept_fd, KEPT_FD, 0);
	else
		sys(__NR_fcntl, KEPT_FD, F_SETFD, 0);
	if (s->report >= 0)
		sys(__NR_fcntl, REPORT_FD, F_SETFD, 0);
	/* A stop that comes now stays pending until the handlers are there again. */
	sys(__NR_execve, "/proc/self/exe", args, envp);
}

static int read_window(struct vs_super *s, int argc, char **argv)
{
	uint64_t restarts, count;

	if (argc != 8)
		return argc == 5 ? 0 : -1;
	if (vs_parse_decimal(argv[5], &restarts) || vs_parse_decimal(argv[6], &s->window_ms) ||
	    vs_parse_decimal(argv[7], &count))
		return -1;
	s->state.restarts = (uint32_t)restarts;
	s->window_count = (uint32_t)count;
	return 0;
}

static int live(struct vs_super *s, char **argv, char **envp)
{
	int code, signal, left;
	const char *why;

	vs_console_open(s);
	if (vs_super_write_state(s))
		vs_super_stop = 1;
	vs_super_frame(s, VS_FRAME_STARTED, 0);
	s->status = vs_super_watch(s);
	if ((s->status & 127) == 1 && !s->stopping)
		reboot(s, argv, envp);
	why = reason(s, &code, &signal);
	left = finish(s, code, signal, why);
	vs_super_frame(s, VS_FRAME_EXITED, (uint32_t)s->status);
	if (!left)
		vs_super_after(s);
	return left ? 1 : 0;
}

int vs_supervise(int argc, char **argv, char **envp)
{
	struct vs_super *s = &vs_super;
	struct vs_failure failure = { .phrase = "open the guest's directories", .call = "openat" };
	int error;

	if (argc < 5 || read_window(s, argc, argv))
		return 2;
	s->argv = argv;
	s->state.forker_fd = ~0u;
	s->run_path = argv[2];
	s->guest_path = argv[3];
	s->name = argv[4];
	s->init = s->master = s->peer = s->notify = s->listen = s->log = s->mounts = s->time = -1;
	for (int i = 0; i < VS_CLIENTS; i++)
		s->clients[i].fd = -1;
	own_process(s->name);
	error = open_places(s, argc == 8);
	if (error) {
		failure.error = (uint32_t)-error;
		vs_super_failed(s, &failure);
		return 1;
	}
	if (s->window_count > REBOOTS)
		vs_super_pause(1000);
	if (argc == 8 && vs_super_stop) {
		finish(s, 0, -1, "stopped");
		vs_super_frame(s, VS_FRAME_EXITED, 0);
		return 0;
	}
	if (!vs_super_boot(s))
		return live(s, argv, envp);
	finish(s, -1, -1, "failed");
	return 1;
}
