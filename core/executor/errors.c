/*
 * Errors, worded as the appliance words them (core/errors.ts): a line for a person, or one JSON object.
 */
#include "front.h"

#include "errno_names.h"

int vs_error_fd = 2;

static const struct {
	const char *name;
	int exit_code;
} codes[] VS_COLD = {
	[VS_E_BUSY] = { "E_BUSY", 5 },
	[VS_E_COMMAND] = { "E_COMMAND", 127 },
	[VS_E_DISK_FULL] = { "E_DISK_FULL", 1 },
	[VS_E_EXECUTOR] = { "E_EXECUTOR", 1 },
	[VS_E_GUEST_UNKNOWN] = { "E_GUEST_UNKNOWN", 4 },
	[VS_E_HOST] = { "E_HOST", 1 },
	[VS_E_INTERRUPTED] = { "E_INTERRUPTED", 130 },
	[VS_E_NOT_RUNNING] = { "E_NOT_RUNNING", 3 },
	[VS_E_OP] = { "E_OP", 1 },
	[VS_E_PLAN] = { "E_PLAN", 1 },
	[VS_E_ROOT] = { "E_ROOT", 6 },
	[VS_E_START] = { "E_START", 1 },
	[VS_E_STATE_DIR] = { "E_STATE_DIR", 1 },
	[VS_E_USAGE] = { "E_USAGE", 2 },
};

const char *vs_errno_name(uint32_t error, char *buffer)
{
	const char *at = errno_names, *end = errno_names + sizeof(errno_names) - 1;

	for (uint32_t left = error; left && at < end; left--)
		at += strlen(at) + 1;
	if (at < end && *at)
		return at;
	memcpy(buffer, "errno ", 6);
	vs_decimal(buffer + 6, error);
	return buffer;
}

static void append(char *to, size_t size, size_t *used, const char *text)
{
	size_t length = strlen(text);

	if (length > size - 1 - *used)
		length = size - 1 - *used;
	memcpy(to + *used, text, length);
	*used += length;
	to[*used] = 0;
}

/* The commands of a hint are for the same root: `vserver VERB` becomes `vserver --root DIR VERB`. */
static const char *with_root(const struct vs_request *r, char *to, size_t size, const char *hint)
{
	const char *env = r->root && *r->root ? vs_getenv(r->envp, "VSERVER_ROOT") : NULL;
	const char *rest;
	size_t used = 0;

	if (!r->root || !*r->root || (env && vs_equal(env, r->root)))
		return hint;
	for (; *hint; hint++) {
		const char one[2] = { *hint };

		rest = vs_after(hint, "vserver ");
		if (!rest || *rest < 'a' || *rest > 'z') {
			append(to, size, &used, one);
			continue;
		}
		append(to, size, &used, "vserver --root ");
		append(to, size, &used, r->root);
		append(to, size, &used, " ");
		hint = rest - 1;
	}
	return to;
}

static void print(const struct vs_request *r, enum vs_code code, const char *message, const char *hint)
{
	char buffer[512];
	struct vs_out out = { .fd = vs_error_fd, .size = sizeof(buffer), .buffer = buffer };

	char shown[VS_ROOT_MAX + 256];

	if (hint)
		hint = with_root(r, shown, sizeof(shown), hint);
	if (r->json) {
		vs_out_text(&out, "{\"error\":{\"code\":\"");
		vs_out_text(&out, codes[code].name);
		vs_out_text(&out, "\",\"message\":");
		vs_out_json(&out, message);
		vs_out_text(&out, ",\"hint\":");
		if (hint)
			vs_out_json(&out, hint);
		else
			vs_out_text(&out, "null");
		vs_out_text(&out, ",\"details\":null}}\n");
	} else {
		vs_out_text(&out, "vserver: ");
		vs_out_text(&out, message);
		if (hint) {
			vs_out_text(&out, "\n  ");
			vs_out_text(&out, hint);
		}
		vs_out_char(&out, '\n');
	}
	vs_flush(&out);
}

int vs_error(const struct vs_request *r, enum vs_code code, const char *hint, ...)
{
	char message[2048];
	size_t used = 0;
	const char *part;
	__builtin_va_list parts;

	__builtin_va_start(parts, hint);
	while ((part = __builtin_va_arg(parts, const char *)))
		append(message, sizeof(message), &used, part);
	__builtin_va_end(parts);
	print(r, code, message, hint);
	return codes[code].exit_code;
}

int vs_error_unknown(const struct vs_request *r, const char *verb, const char *name)
{
	char hint[160];
	size_t used = 0;

	append(hint, sizeof(hint), &used, "vserver list shows the guests; vserver create ");
	append(hint, sizeof(hint), &used, name);
	append(hint, sizeof(hint), &used, " --from SOURCE makes one");
	return vs_error(r, VS_E_GUEST_UNKNOWN, hint, "Cannot ", verb, " \"", name,
			"\": there is no such guest", NULL);
}

int vs_error_not_running(const struct vs_request *r, const char *verb, const char *name)
{
	char hint[160];
	size_t used = 0;

	append(hint, sizeof(hint), &used, "vserver start ");
	append(hint, sizeof(hint), &used, name);
	append(hint, sizeof(hint), &used, " starts it");
	return vs_error(r, VS_E_NOT_RUNNING, hint, "Cannot ", verb, " \"", name,
			"\": it is not running", NULL);
}

int vs_error_unclear(const struct vs_request *r, const char *verb, const char *name)
{
	char hint[256];
	size_t used = 0;

	append(hint, sizeof(hint), &used, "vserver stop ");
	append(hint, sizeof(hint), &used, name);
	append(hint, sizeof(hint), &used, " stops it, vserver kill ");
	append(hint, sizeof(hint), &used, name);
	append(hint, sizeof(hint), &used, " ends it at once; a start makes the record anew");
	return vs_error(r, VS_E_STATE_DIR, hint, "Cannot ", verb, " \"", name, "\": its record \"",
			r->root, "/run/vserver/guests/", name,
			"/state\" is damaged, but its supervisor runs", NULL);
}

int vs_error_op(const struct vs_request *r, const char *phrase, const char *call, uint32_t error)
{
	enum vs_code code = VS_E_OP;
	const char *hint = NULL;
	char buffer[32];

	if (error == ENOSPC && (vs_equal(call, "clone") || vs_equal(call, "unshare"))) {
		code = VS_E_HOST;
		hint = "the limit on namespaces is reached: raise user.max_user_namespaces and the like "
		       "(sysctl user)";
	} else if (error == EPERM && vs_equal(call, "prlimit64")) {
		code = VS_E_HOST;
		hint = "raise the hard limits of the calling shell (see ulimit -H -a), then try again";
	} else if (error == ENOSPC || error == EDQUOT) {
		return vs_error(r, VS_E_DISK_FULL,
				"make room there (space or inodes), or keep the state elsewhere with --root",
				"Cannot ", phrase, ": no space is left", NULL);
	}
	return vs_error(r, code, hint, "Cannot ", phrase, ": ", call, " failed with ",
			vs_errno_name(error, buffer), NULL);
}

/* One for each name, as each of them was tried. */
int vs_error_root(const struct vs_request *r)
{
	const char *verb = r->verb == VS_VERB_EXEC ? "exec in" : r->verb_word;
	int code = 6;

	if (!r->name_count)
		return vs_error(r, VS_E_ROOT, "run it with sudo", "Cannot ", verb,
				": this needs root", NULL);
	for (int i = 0; i < r->name_count; i++)
		code = vs_error(r, VS_E_ROOT, "run it with sudo", "Cannot ", verb, " \"",
				r->names[i], "\": this needs root", NULL);
	return code;
}
