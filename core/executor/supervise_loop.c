/* Watching a guest: until its init has ended and is reaped. */
#include "supervise.h"

#include <linux/poll.h>
#include <linux/wait.h>

#define KILL_WAIT_MS 10000
#define MSG_DONTWAIT_FLAG 0x40

static void end(struct vs_super *s)
{
	/* It takes longer when the parent of one of its zombies is stopped: then again, every second. */
	if (s->ending)
		vs_super_wake_parents(s->state.init_pid);
	s->ending = 1;
	vs_signal_process(s->init, 9);
	s->kill_at = vs_boottime_ms() + 1000;
}

/* While sigtimedwait(2) waits for a signal, the kernel shows it as not blocked. */
static int init_waits(const struct vs_super *s)
{
	char text[VS_DECIMAL];
	uint64_t number;

	vs_proc_read(s->state.init_pid, "/syscall", text, sizeof(text));
	for (char *at = text; *at; at++)
		if (*at == ' ' || *at == '\n')
			*at = 0;
	return !vs_parse_decimal(text, &number) && number == __NR_rt_sigtimedwait;
}

/* Does init do something on this signal? If that cannot be found out, it is given its time. */
static int init_listens(const struct vs_super *s, uint32_t signal)
{
	static const char *const fields[] = { "\nSigBlk:\t", "\nSigCgt:\t" };
	char text[VS_CHUNK];
	uint64_t seen = 0;

	if (vs_proc_read(s->state.init_pid, "/status", text, sizeof(text)) <= 0)
		return 1;
	for (const char *at = text; *at; at++) {
		for (int i = 0; *at == '\n' && i < 2; i++) {
			const char *hex = vs_after(at, fields[i]);
			uint64_t mask = 0;

			for (; hex && *hex && *hex != '\n'; hex++)
				mask = mask << 4 | (uint64_t)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
			seen |= mask;
		}
	}
	return (seen & VS_BIT(signal)) != 0 || init_waits(s);
}

/* A second stop can shorten the wait of the first one, not lengthen it. */
static void stop(struct vs_super *s)
{
	uint64_t ms = vs_super_stop_ms > 0 ? (uint64_t)vs_super_stop_ms : s->stop_ms;
	uint64_t at = vs_boottime_ms() + ms;

	vs_super_stop = 0;
	/* A kill: nobody is asked, and a reboot that was under way does not bring the guest back. */
	if (vs_super_stop_ms < 0) {
		s->stopping = s->killed = 1;
		end(s);
		return;
	}
	if (s->stopping) {
		if (s->kill_at && at < s->kill_at)
			s->kill_at = at;
		return;
	}
	s->stopping = 1;
	s->state.state = VS_STATE_STOPPING;
	vs_super_write_state(s);
	s->kill_at = at;
	if (!s->stop_signal || s->stop_signal > 64 || !init_listens(s, s->stop_signal) ||
	    vs_signal_process(s->init, (int)s->stop_signal))
		end(s);
}

/* READY=1 on a line of its own in one datagram. Descriptors sent along are dropped by the kernel. */
static void notified(struct vs_super *s)
{
	char text[VS_CHUNK];
	long size = sys(__NR_recvfrom, s->notify, text, sizeof(text) - 1, MSG_DONTWAIT_FLAG, NULL, NULL);

	if (size <= 0)
		return;
	text[size] = 0;
	for (const char *at = text; at; at = strchr(at, '\n')) {
		const char *rest;

		at += *at == '\n';
		rest = vs_after(at, "READY=1");
		if (!rest || (*rest && *rest != '\n') || s->state.ready)
			continue;
		s->state.ready = 1;
		vs_super_write_state(s);
		vs_super_frame(s, VS_FRAME_READY, 0);
	}
}

/* Reaps whatever was left to us; init's status is kept. */
static void reap(struct vs_super *s)
{
	int status;
	long pid;

	while ((pid = sys(__NR_wait4, -1, &status, WNOHANG | __WALL, NULL)) > 0) {
		if ((uint32_t)pid != s->state.init_pid)
			continue;
		s->status = status;
		s->ended = 1;
	}
	/* Not our child any more, or never: what the pidfd says is then all there is to know. */
	if (pid == -ECHILD && !s->ended && vs_ended(s->init, 0)) {
		s->status = 9;
		s->ended = 1;
	}
}

static int64_t patience(const struct vs_super *s)
{
	uint64_t at = s->kill_at, now;

	if (s->master_at && (!at || s->master_at < at))
		at = s->master_at;
	if (!at)
		return -1;
	now = vs_boottime_ms();
	return at > now ? (int64_t)(at - now) : 0;
}

static struct pollfd wish(int fd, int events)
{
	return (struct pollfd){ .fd = fd, .events = (short)events };
}

void vs_super_pause(uint64_t ms)
{
	struct __kernel_timespec time = { (int64_t)ms / 1000, (int64_t)ms % 1000 * 1000000 };
	uint64_t none = 0;

	vs_mask(VS_BIT(15));
	if (!vs_super_stop)
		sys(__NR_ppoll, NULL, 0, &time, &none, 8);
	vs_mask(0);
}

enum { POLL_INIT, POLL_MASTER, POLL_LISTEN, POLL_NOTIFY, POLL_REPORT, POLL_CLIENT };

/* How long an idle supervisor keeps the code that it does not need to sleep. */
#define FAT_MS 100
static void once(struct vs_super *s)
{
	struct pollfd polls[POLL_CLIENT + VS_CLIENTS];
	int64_t left = patience(s);
	struct __kernel_timespec time;
	uint64_t none = 0, now;
	long ready;
	int paused = s->master_at && s->master_at > vs_boottime_ms();

	polls[POLL_INIT] = wish(s->init, POLLIN);
	polls[POLL_MASTER] = wish(paused ? -1 : s->master, POLLIN | (s->typed ? POLLOUT : 0));
	polls[POLL_LISTEN] = wish(s->listen, POLLIN);
	polls[POLL_NOTIFY] = wish(s->notify, POLLIN);
	polls[POLL_REPORT] = wish(s->report, 0);
	/* What was typed is taken only when the guest has read what came before. */
	for (int i = 0; i < VS_CLIENTS; i++)
		polls[POLL_CLIENT + i] = wish(s->clients[i].fd, s->typed ? 0 : POLLIN);
	if (s->fat && left < 0)
		left = FAT_MS;
	time = (struct __kernel_timespec){ left / 1000, left % 1000 * 1000000 };
	ready = sys(__NR_ppoll, polls, POLL_CLIENT + VS_CLIENTS, left < 0 ? NULL : &time, &none, 8);
	if (!ready && s->fat && left == FAT_MS) {
		s->fat = 0;
		vs_super_slim(s);
		return;
	}
	s->fat = 1;
	if (ready < 0)
		memset(polls, 0, sizeof(polls));
	reap(s);
	now = vs_boottime_ms();
	if (s->kill_at && now >= s->kill_at)
		end(s);
	if (polls[POLL_MASTER].revents & POLLOUT)
		vs_console_type(s);
	if (polls[POLL_MASTER].revents & ~POLLOUT)
		vs_console_output(s);
	if (polls[POLL_NOTIFY].revents)
		notified(s);
	/* Whoever waited for frames has gone. */
	if (polls[POLL_REPORT].revents) {
		sys_close(s->report);
		s->report = -1;
	}
	for (int i = 0; i < VS_CLIENTS; i++)
		if (polls[POLL_CLIENT + i].revents)
			vs_console_input(s, &s->clients[i]);
	if (polls[POLL_LISTEN].revents)
		vs_console_accept(s);
}

int vs_super_watch(struct vs_super *s)
{
	/* Signals come only while we poll, so none is lost between looking and sleeping. */
	vs_mask(VS_BIT(10) | VS_BIT(15) | VS_BIT(17));
	s->fat = 1;
	while (!s->ended) {
		if (vs_super_stop)
			stop(s);
		if (vs_super_forker_wanted)
			vs_super_forker(s);
		once(s);
	}
	if (s->master >= 0)
		vs_console_output(s);
	return s->status;
}
