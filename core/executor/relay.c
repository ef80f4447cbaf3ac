/* Carries bytes and signals between the caller and a command in a guest. */
#include "relay.h"

#include <asm/ioctls.h>
#include <linux/poll.h>
#include <linux/wait.h>

#define PIPE_BYTES 4096
/* More than all the kernel's buffers of a pty or a pipe: what comes later is not the command's. */
#define REST_BYTES (192u << 10)
#define GRACE_MS 1000

enum { HUP = 1, INT = 2, QUIT = 3, KILL = 9, USR1 = 10, USR2 = 12, PIPE = 13, TERM = 15, CONT = 18,
       STOP = 19, TSTP = 20, XFSZ = 25, WINCH = 28 };

static const uint8_t passed_on[] = { HUP, INT, QUIT, USR1, USR2, TERM };

static volatile int command;
/* one that is not our child */
static volatile int command_fd = -1;
static volatile uint64_t pending;

/* Also runs in the child that shares our memory, before it execs; then the parent passes it on. */
static void on_signal(int signal, void *info, void *context)
{
	(void)info, (void)context;
	__atomic_fetch_or(&pending, VS_BIT(signal), __ATOMIC_SEQ_CST);
}

/* The command is our child and not reaped, so the pid is its own. 0: there is none yet. */
static int tell(int signal)
{
	if (command)
		sys(__NR_kill, command, signal);
	else if (command_fd >= 0)
		vs_signal_process(command_fd, signal);
	else
		return 0;
	return 1;
}

static void pass_on(int signal, void *info, void *context)
{
	if (!tell(signal))
		on_signal(signal, info, context);
}

void vs_relay_signals(int terminal)
{
	for (size_t i = 0; i < sizeof(passed_on); i++)
		vs_handle(passed_on[i], terminal ? on_signal : pass_on, VS_SA_RESTART);
	/* The appliance's runtime ignores both, and ignored signals outlive execve. */
	vs_default(PIPE);
	vs_default(XFSZ);
	vs_mask(0);
	if (!terminal)
		return;
	vs_handle(WINCH, on_signal, 0);
	vs_handle(TSTP, on_signal, 0);
}

void vs_relay_command(int pid, int pidfd)
{
	uint64_t early;

	command_fd = pidfd;
	command = pid;
	early = __atomic_exchange_n(&pending, 0, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < sizeof(passed_on); i++)
		if (early & VS_BIT(passed_on[i]))
			tell(passed_on[i]);
}

static int reap(int pid)
{
	int status = 0;

	command = 0;
	sys(__NR_wait4, pid, &status, __WALL, NULL);
	return status;
}

int vs_relay_wait(int pid)
{
	while (sys(__NR_waitid, P_PID, pid, NULL, WEXITED | WNOWAIT | __WALL, NULL) == -EINTR)
		;
	return reap(pid);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		sys_close(*fd);
	*fd = -1;
}

/* Ends the direction; the master is closed on its own, as two lanes have it. */
static void end_lane(struct vs_relay *relay, struct vs_lane *lane)
{
	lane->from = -1;
	lane->used = 0;
	if (lane->inwards && lane->to >= 0 && lane->to != relay->master)
		sys_close(lane->to);
	lane->to = -1;
}

static void leave(struct vs_relay *relay, int code)
{
	if (relay->leave_at)
		return;
	relay->leave_at = vs_boottime_ms() + GRACE_MS;
	relay->leave_code = code;
}

/* Input has ended: on a terminal in line mode that is a character. */
static void end_input(struct vs_relay *relay, struct vs_lane *lane)
{
	struct termios modes;

	if (lane->to != relay->master) {
		end_lane(relay, lane);
		return;
	}
	lane->from = -1;
	if (sys(__NR_ioctl, relay->master, TCGETS, &modes) || !(modes.c_lflag & ICANON))
		return;
	lane->at = 0;
	lane->bytes[lane->used++] = modes.c_cc[VEOF];
	if (relay->last != '\n')
		lane->bytes[lane->used++] = modes.c_cc[VEOF];
}

static void fill(struct vs_relay *relay, struct vs_lane *lane)
{
	size_t room = relay->rest && relay->rest < VS_LANE_BYTES ? relay->rest : VS_LANE_BYTES;
	long size = sys_read(lane->from, lane->bytes, room);

	if (size == -EAGAIN || size == -EINTR) {
		/* Nothing more is to come from a command that has ended. */
		if (relay->rest && !lane->inwards && size == -EAGAIN)
			lane->from = -1;
		return;
	}
	lane->at = 0;
	lane->used = size > 0 ? (size_t)size : 0;
	if (size <= 0) {
		if (lane->inwards)
			end_input(relay, lane);
		else
			lane->from = -1;
		return;
	}
	if (lane->inwards)
		relay->last = lane->bytes[size - 1];
	else if (relay->rest)
		relay->rest -= (size_t)size < relay->rest ? (size_t)size : relay->rest - 1;
}

static void drain(struct vs_relay *relay, struct vs_lane *lane)
{
	/* A writable pipe has room for this much; the pty's master does not block. */
	size_t size = lane->used < PIPE_BYTES ? lane->used : PIPE_BYTES;
	long done = sys_write(lane->to, lane->bytes + lane->at, size);

	if (done == -EAGAIN || done == -EINTR)
		return;
	if (done > 0) {
		lane->at += (size_t)done;
		lane->used -= (size_t)done;
		return;
	}
	/* Nobody reads what the command says: it is told as by a terminal or a pipe that is gone. */
	if (!lane->inwards && relay->master >= 0) {
		leave(relay, 128 + PIPE);
		for (int i = 0; i < relay->lane_count; i++)
			end_lane(relay, &relay->lanes[i]);
		close_fd(&relay->master);
	} else if (!lane->inwards) {
		close_fd(&lane->from);
	}
	end_lane(relay, lane);
}

static void stop_ourselves(struct vs_relay *relay)
{
	vs_terminal_restore();
	sys(__NR_kill, sys(__NR_getpid), STOP);
	vs_terminal_again();
	__atomic_fetch_or(&pending, VS_BIT(WINCH), __ATOMIC_SEQ_CST);
	(void)relay;
}

static void take_signals(struct vs_relay *relay)
{
	uint64_t set = __atomic_exchange_n(&pending, 0, __ATOMIC_SEQ_CST);

	for (size_t i = 0; i < sizeof(passed_on); i++) {
		int signal = passed_on[i];

		if (!(set & VS_BIT(signal)))
			continue;
		tell(signal);
		/* An interactive shell ignores these: then it loses its terminal. */
		if (signal == HUP || signal == TERM)
			leave(relay, 128 + signal);
	}
	if (set & VS_BIT(TSTP))
		stop_ourselves(relay);
	if (set & VS_BIT(WINCH) && relay->sized >= 0 && relay->master >= 0)
		vs_terminal_copy_size(relay->sized, relay->master);
}

/* The command has ended: what it wrote is still to be carried, what it was sent is not. */
static void ended(struct vs_relay *relay)
{
	if (!relay->pid) {
		relay->status = vs_pidfd_wait(relay->pidfd);
		command_fd = -1;
	}
	close_fd(&relay->pidfd);
	relay->rest = REST_BYTES;
	for (int i = 0; i < relay->lane_count; i++) {
		struct vs_lane *lane = &relay->lanes[i];

		if (lane->inwards)
			end_lane(relay, lane);
		else if (lane->from >= 0)
			sys(__NR_fcntl, lane->from, F_SETFL, O_NONBLOCK);
	}
}

static int is_busy(const struct vs_relay *relay)
{
	for (int i = 0; i < relay->lane_count; i++)
		if (relay->lanes[i].used || (relay->rest != 1 && relay->lanes[i].from >= 0))
			return 1;
	return 0;
}

static void once(struct vs_relay *relay)
{
	struct pollfd polls[VS_LANES + 1];
	uint64_t none = 0, now = vs_boottime_ms();
	int64_t left = relay->leave_at > now ? (int64_t)(relay->leave_at - now) : 0;
	struct __kernel_timespec time = { left / 1000, left % 1000 * 1000000 };
	int count = relay->lane_count;

	for (int i = 0; i < count; i++) {
		struct vs_lane *lane = &relay->lanes[i];

		polls[i] = (struct pollfd){ lane->used ? lane->to : lane->from,
					    lane->used ? POLLOUT : POLLIN, 0 };
		/* With everything known to be there, a read tells what is left without waiting. */
		if (relay->rest && !lane->used && lane->from >= 0) {
			fill(relay, lane);
			polls[i] = (struct pollfd){ lane->to, lane->used ? POLLOUT : 0, 0 };
			if (!lane->used)
				polls[i].fd = -1;
		}
	}
	polls[count] = (struct pollfd){ relay->pidfd, POLLIN, 0 };
	if (relay->rest && !is_busy(relay))
		return;
	if (sys(__NR_ppoll, polls, count + 1, relay->leave_at ? &time : NULL, &none, 8) <= 0)
		memset(polls, 0, sizeof(polls));
	take_signals(relay);
	for (int i = 0; i < count; i++) {
		struct vs_lane *lane = &relay->lanes[i];

		if (!polls[i].revents)
			continue;
		if (lane->used && lane->to >= 0)
			drain(relay, lane);
		else if (lane->from >= 0)
			fill(relay, lane);
	}
	if (polls[count].revents)
		ended(relay);
}

int vs_relay_run(struct vs_relay *relay)
{
	uint64_t set = VS_BIT(WINCH) | VS_BIT(TSTP);

	for (size_t i = 0; i < sizeof(passed_on); i++)
		set |= VS_BIT(passed_on[i]);
	vs_mask(set);
	relay->last = '\n';
	while (relay->pidfd >= 0 || is_busy(relay)) {
		once(relay);
		if (relay->leave_at && relay->pidfd >= 0 && vs_boottime_ms() >= relay->leave_at) {
			vs_terminal_restore();
			return -relay->leave_code;
		}
	}
	vs_terminal_restore();
	return relay->pid ? reap(relay->pid) : relay->status;
}
