/* `stop` and `kill`: the supervisor does the work; here it is asked, and awaited. */
#include "front_start.h"

#include <linux/poll.h>

struct stopping {
	struct vs_guest guest;
	int code;
	const char *said;
};

static void say(const struct vs_request *r, const char *name, const char *what)
{
	char buffer[128];
	struct vs_out out = { .fd = 1, .size = sizeof(buffer), .buffer = buffer };

	if (r->quiet || r->json)
		return;
	vs_out_text(&out, name);
	vs_out_text(&out, what);
	vs_out_char(&out, '\n');
	vs_flush(&out);
}

/* A record of another build: its own executor knows what to do. */
static void follow_build(const struct vs_request *r, const struct vs_guest *g)
{
	if (r->name_count == 1 && g->life == VS_LIFE_ALIVE && !vs_build_is_ours(g->state.build))
		vs_hop(r, g->state.build);
}

static int stopped_waiting(const struct vs_request *r, const char *name)
{
	return vs_error(r, VS_E_INTERRUPTED, NULL, "Cannot ", r->verb_word, " \"", name, "\": interrupted",
			NULL);
}

/* Takes the lock and looks again. *lock stays -1 where there is nothing to lock. 0, or an exit code. */
static int lock_and_look(const struct vs_request *r, struct stopping *s, const char *name, int *lock)
{
	if (s->guest.run < 0)
		return 0;
	*lock = vs_lock_wait(s->guest.run, r->verb_word, r->lock_ms);
	if (*lock == -EAGAIN)
		return vs_error_busy(r, r->verb_word, name, s->guest.run);
	if (*lock == -EINTR)
		return stopped_waiting(r, name);
	if (*lock < 0)
		return -1;
	vs_look_end(&s->guest);
	return vs_look(&s->guest, r, name) ? -1 : 0;
}

/* To end it, its supervisor is enough: what the record says is not needed. */
static int has_supervisor(const struct stopping *s)
{
	return s->guest.life == VS_LIFE_ALIVE || s->guest.life == VS_LIFE_UNCLEAR;
}

/* Asks one guest to stop, and leaves the lock with the caller. An exit code, or -1. */
static int ask(const struct vs_request *r, struct stopping *s, const char *name, int *lock)
{
	struct vs_siginfo info = { .signo = 15, .code = VS_SI_QUEUE, .value = (int64_t)r->stop_ms };
	int code;

	*lock = -1;
	if (vs_look(&s->guest, r, name))
		return -1;
	follow_build(r, &s->guest);
	if (s->guest.life == VS_LIFE_UNKNOWN)
		return r->historical ? -1 : vs_error_unknown(r, r->verb_word, name);
	code = lock_and_look(r, s, name, lock);
	if (code)
		return code;
	if (s->guest.life == VS_LIFE_STALE && vs_clean_lost(r, &s->guest) && !has_supervisor(s))
		return -1;
	if (!has_supervisor(s)) {
		s->said = " is not running";
		return 0;
	}
	s->said = " stopped";
	code = (int)sys(__NR_pidfd_send_signal, s->guest.supervisor, 15, &info, 0);
	return code && code != -ESRCH ? -1 : 0;
}

/* Waits for the supervisor's end; what it left undone, because it died, is done here. */
static int await(const struct vs_request *r, struct stopping *s, const char *name)
{
	struct pollfd poll = { .fd = s->guest.supervisor, .events = POLLIN };
	struct vs_guest after;
	uint64_t none = 0;
	int error;

	/* Signals come only while we poll, so none is lost between looking and sleeping. */
	vs_mask(VS_BIT(1) | VS_BIT(2) | VS_BIT(15));
	do {
		if (vs_interrupted)
			return stopped_waiting(r, name);
	} while (s->guest.supervisor >= 0 && sys(__NR_ppoll, &poll, 1, NULL, &none, 8) != 1);
	error = vs_look(&after, r, name);
	if (!error && after.life == VS_LIFE_STALE && s->said)
		error = vs_clean_lost(r, &after);
	vs_look_end(&after);
	return error ? -1 : 0;
}

int vs_front_stop(struct vs_request *r)
{
	struct stopping *all;
	int *locks, code = 0;
	long at;

	/* Which of several depends on which (`after`) only the appliance knows. */
	if (r->name_count > 1 && !r->compiled)
		return -1;
	at = sys_map((size_t)r->name_count * (sizeof(*all) + sizeof(*locks)));
	if (sys_failed(at))
		return -1;
	all = (struct stopping *)at;
	locks = (int *)(all + r->name_count);
	vs_catch_interrupts();
	for (int i = 0; i < r->name_count; i++)
		all[i].code = ask(r, &all[i], r->names[i], &locks[i]);
	for (int i = 0; i < r->name_count; i++) {
		if (!all[i].code && all[i].said)
			all[i].code = await(r, &all[i], r->names[i]);
		if (!all[i].code && all[i].said)
			say(r, r->names[i], all[i].said);
		vs_look_end(&all[i].guest);
		if (locks[i] >= 0)
			sys_close(locks[i]);
		if (all[i].code < 0)
			return -1;
		if (all[i].code > code)
			code = all[i].code;
	}
	if (r->json) {
		int shown = vs_print_json(r);

		return shown > code || shown < 0 ? shown : code;
	}
	return code;
}

/* No lock: killing must also work while a stop that takes its time holds it. */
static int kill_one(const struct vs_request *r, const char *name)
{
	struct stopping s = { .said = NULL };
	struct vs_identity id;
	int fd, code = 0, ends = !r->signal || r->signal == 9;

	if (vs_look(&s.guest, r, name))
		return -1;
	follow_build(r, &s.guest);
	if (s.guest.life == VS_LIFE_UNKNOWN)
		return r->historical ? -1 : vs_error_unknown(r, "kill", name);
	if (s.guest.life == VS_LIFE_STALE) {
		code = vs_clean_lost_locked(r, &s.guest, "kill");
		if (code && !has_supervisor(&s))
			return code == -EAGAIN ? vs_error_busy(r, "kill", name, s.guest.run) : -1;
	}
	if (!has_supervisor(&s)) {
		vs_look_end(&s.guest);
		return vs_error_not_running(r, "kill", name);
	}
	/* Who is init, the supervisor knows; it ends it, but hands no signals on. */
	if (s.guest.life == VS_LIFE_UNCLEAR) {
		memset(&s.guest.state, 0, sizeof(s.guest.state));
		if (!ends)
			return vs_error_unclear(r, "signal", name);
	}
	id = (struct vs_identity){ s.guest.state.init_pid, s.guest.state.init_ino,
				   s.guest.state.init_start };
	/* The supervisor first: else it would take a reboot that is under way for what was wanted. */
	if (ends) {
		struct vs_siginfo now = { .signo = 15, .code = VS_SI_QUEUE, .value = -1 };

		sys(__NR_pidfd_send_signal, s.guest.supervisor, 15, &now, 0);
	}
	fd = vs_open_process(&id);
	if (fd >= 0) {
		vs_signal_process(fd, ends ? 9 : r->signal);
		sys_close(fd);
	}
	code = ends ? await(r, &s, name) : 0;
	if (!code)
		say(r, name, ends ? " killed" : " signalled");
	vs_look_end(&s.guest);
	return code;
}

int vs_front_kill(struct vs_request *r)
{
	int code = 0;

	vs_catch_interrupts();
	for (int i = 0; i < r->name_count; i++) {
		int one = kill_one(r, r->names[i]);

		if (one < 0)
			return i ? 1 : -1;
		if (one > code)
			code = one;
	}
	return r->json && !code ? vs_print_json(r) : code;
}
