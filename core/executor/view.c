/* One guest as status and list show it. */
#include "front.h"

#define CLOCK_BOOTTIME_ID 7

static int look_alive(struct vs_view *v, const struct vs_request *r, const char *name)
{
	int error = vs_look(&v->guest, r, name);

	if (!error && v->guest.life == VS_LIFE_STALE)
		error = vs_clean_lost_locked(r, &v->guest, r->verb_word);
	return error;
}

static const char *state_word(const struct vs_view *v, int has_exit)
{
	if (v->guest.life == VS_LIFE_ALIVE)
		return v->guest.state.state == VS_STATE_STARTING ? "starting" :
		       v->guest.state.state == VS_STATE_STOPPING ? "stopping" :
								   "running";
	if (!has_exit)
		return "created";
	return vs_equal(v->exit.reason, "failed") || vs_equal(v->exit.reason, "lost") ? "failed" :
											"stopped";
}

int vs_view_open(struct vs_view *v, const struct vs_request *r, const char *name)
{
	const struct vs_state *state = &v->guest.state;
	int error;

	error = look_alive(v, r, name);
	if (error == -EAGAIN || v->guest.life == VS_LIFE_UNCLEAR)
		return 2;
	if (!error && v->guest.life == VS_LIFE_UNKNOWN) {
		vs_look_end(&v->guest);
		return 1;
	}
	if (!error && v->guest.lib < 0)
		v->guest.lib = vs_open_dir(r, "/var/lib/vserver/guests/", name);
	if (error || v->guest.run < 0 || v->guest.lib < 0 ||
	    vs_kept_peek(&v->kept, v->guest.run, "start.kept") || !vs_kept_current(&v->kept)) {
		vs_view_close(v);
		return -1;
	}
	error = vs_exit_read(v->guest.lib, &v->exit);
	if (error && error != -ENOENT) {
		vs_view_close(v);
		return -1;
	}
	v->word = state_word(v, !error);
	v->init_pid = 0;
	v->uptime_ms = 0;
	v->started[0] = 0;
	if (v->guest.life == VS_LIFE_ALIVE && state->init_pid) {
		v->init_pid = state->init_pid;
		vs_iso(v->started, state->started_at_ns / 1000000);
		v->uptime_ms = (vs_clock_ns(CLOCK_BOOTTIME_ID) - state->started_boot_ns) / 1000000;
	}
	return 0;
}

int vs_view_refuse(struct vs_view *v, const struct vs_request *r)
{
	const struct vs_guest *g = &v->guest;
	int code = g->life == VS_LIFE_UNCLEAR ? vs_error_unclear(r, r->verb_word, g->name) :
						vs_error_busy(r, r->verb_word, g->name, g->run);

	vs_view_close(v);
	return code;
}

void vs_view_close(struct vs_view *v)
{
	vs_look_end(&v->guest);
}

void vs_view_json(struct vs_out *out, const struct vs_view *v)
{
	int alive = v->guest.life == VS_LIFE_ALIVE;

	vs_out_text(out, "{\"name\":");
	vs_out_json(out, v->guest.name);
	vs_out_text(out, ",\"state\":\"");
	vs_out_text(out, v->word);
	vs_out_text(out, "\",\"health\":null,\"initPid\":");
	if (v->init_pid) {
		vs_out_decimal(out, v->init_pid);
		vs_out_text(out, ",\"startedAt\":\"");
		vs_out_text(out, v->started);
		vs_out_text(out, "\",\"uptimeMs\":");
		vs_out_decimal(out, v->uptime_ms);
	} else {
		vs_out_text(out, "null,\"startedAt\":null,\"uptimeMs\":null");
	}
	vs_out_char(out, ',');
	vs_out_text(out, vs_kept_text(&v->kept, VS_CARD_JSON));
	vs_out_text(out, ",\"restarts\":");
	vs_out_decimal(out, alive ? v->guest.state.restarts : 0);
	vs_out_text(out, ",\"lastExit\":");
	vs_out_text(out, v->exit.json[0] ? v->exit.json : "null");
	vs_out_text(out, ",\"pending\":[]}");
}
