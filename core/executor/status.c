/* `status NAME…`, and the status array that other verbs print with --json. */
#include "front.h"

static void line(struct vs_out *out, const char *label, const char *value)
{
	vs_out_text(out, "\n  ");
	vs_out_padded(out, label, 11);
	vs_out_text(out, *value ? value : "-");
}

static void line_decimal(struct vs_out *out, const char *label, uint64_t value)
{
	char text[VS_DECIMAL];

	vs_decimal(text, value);
	line(out, label, text);
}

static void line_exit(struct vs_out *out, const struct vs_exit *e)
{
	vs_out_text(out, "\n  last exit  ");
	if (!e->json[0]) {
		vs_out_char(out, '-');
		return;
	}
	if (vs_equal(e->reason, "exited") && e->code >= 0) {
		vs_out_text(out, "exited with ");
		vs_out_decimal(out, (uint64_t)e->code);
	} else if (vs_equal(e->reason, "killed") && e->signal >= 0) {
		vs_out_text(out, "killed by signal ");
		vs_out_decimal(out, (uint64_t)e->signal);
	} else {
		vs_out_text(out, e->reason);
	}
	vs_out_text(out, " at ");
	vs_out_text(out, e->at);
}

static void print_view(struct vs_out *out, const struct vs_view *v)
{
	char uptime[32];

	vs_out_text(out, v->guest.name);
	vs_out_text(out, ": ");
	vs_out_text(out, v->word);
	if (v->init_pid) {
		line_decimal(out, "init pid", v->init_pid);
		line(out, "started", v->started);
		vs_uptime(uptime, v->uptime_ms);
		vs_out_text(out, " (");
		vs_out_text(out, uptime);
		vs_out_char(out, ')');
	} else {
		line(out, "init pid", "");
		line(out, "started", "");
	}
	line(out, "from", vs_kept_text(&v->kept, VS_CARD_FROM));
	line(out, "template", vs_kept_text(&v->kept, VS_CARD_TEMPLATE));
	line(out, "ids", vs_kept_text(&v->kept, VS_CARD_IDS));
	line(out, "cgroup", vs_kept_text(&v->kept, VS_CARD_CGROUP));
	line(out, "network", vs_kept_text(&v->kept, VS_CARD_NETWORK));
	line_decimal(out, "restarts", v->guest.life == VS_LIFE_ALIVE ? v->guest.state.restarts : 0);
	line_exit(out, &v->exit);
	vs_out_char(out, '\n');
}

/* Every card must be readable before the first byte is printed: afterwards the appliance cannot take over. */
static int all_there(const struct vs_request *r)
{
	struct vs_view v;

	for (int i = 0; i < r->name_count; i++) {
		int got = vs_view_open(&v, r, r->names[i]);

		if (got < 0 || (got == 1 && r->historical))
			return -1;
		if (got != 1)
			vs_view_close(&v);
	}
	return 0;
}

/* A standard output that the caller closed is meant to take nothing. */
int vs_print_end(struct vs_out *out, int code)
{
	int error = vs_flush(out);

	return error && error != -EBADF && !code ? 1 : code;
}

static int print_all(const struct vs_request *r, int json, int silent)
{
	static char buffer[4096];
	struct vs_out out = { .fd = 1, .size = sizeof(buffer), .buffer = buffer };
	struct vs_view v;
	int code = r->name_count > 1 || r->historical ? all_there(r) : 0, printed = 0, refused = 0;

	if (code)
		return code;
	for (int i = 0; i < r->name_count; i++) {
		int got = vs_view_open(&v, r, r->names[i]);

		if (got < 0 && !printed)
			return -1;
		if (got == 2)
			refused = vs_view_refuse(&v, r);
		if (got == 1 && !silent)
			refused = vs_error_unknown(r, r->verb_word, r->names[i]);
		if (code < refused)
			code = refused;
		if (got)
			continue;
		if (json)
			vs_out_char(&out, printed ? ',' : '[');
		else if (printed)
			vs_out_char(&out, '\n');
		if (json)
			vs_view_json(&out, &v);
		else
			print_view(&out, &v);
		printed++;
		vs_view_close(&v);
	}
	if (json)
		vs_out_text(&out, printed ? "]\n" : "[]\n");
	return vs_print_end(&out, code);
}

int vs_print_json(const struct vs_request *r)
{
	return print_all(r, 1, 1);
}

int vs_front_status(struct vs_request *r)
{
	/* What --quiet means for status is not written down: leave it to the appliance. */
	return r->quiet ? -1 : print_all(r, r->json, 0);
}
