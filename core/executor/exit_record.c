/*
 * exit.json: how a guest last ended. Written whole or not at all; printed as it stands. The end of a guest
 * does not wait for the disk: after a power failure the file may be empty, and is then no record.
 */
#include "front.h"

#include <linux/time.h>

#define CLOCK_REALTIME_ID 0

static void number_or_null(struct vs_out *out, int value)
{
	if (value < 0)
		vs_out_text(out, "null");
	else
		vs_out_decimal(out, (uint64_t)value);
}

int vs_exit_write(int lib, int code, int signal, const char *reason)
{
	char text[160], at[VS_ISO];
	struct vs_out out = { .size = sizeof(text), .buffer = text };
	long error;

	vs_iso(at, vs_clock_ns(CLOCK_REALTIME_ID) / 1000000);
	vs_out_text(&out, "{\"code\":");
	number_or_null(&out, code);
	vs_out_text(&out, ",\"signal\":");
	number_or_null(&out, signal);
	vs_out_text(&out, ",\"at\":\"");
	vs_out_text(&out, at);
	vs_out_text(&out, "\",\"reason\":\"");
	vs_out_text(&out, reason);
	vs_out_text(&out, "\"}");
	out.fd = (int)sys_openat(lib, "exit.json.tmp",
				 O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC,
				 0600);
	if (out.fd < 0)
		return out.fd;
	error = vs_flush(&out);
	sys_close(out.fd);
	/* A full disk keeps the record before this one. */
	if (!error)
		return (int)sys(__NR_renameat2, lib, "exit.json.tmp", lib, "exit.json", 0);
	sys(__NR_unlinkat, lib, "exit.json.tmp", 0);
	return (int)error;
}

/* The value after prefix: digits or null. Moves *at behind it. */
static int parse_number(const char **at, const char *prefix, int *value)
{
	const char *rest = vs_after(*at, prefix);

	if (!rest)
		return -1;
	*value = -1;
	*at = vs_after(rest, "null");
	if (*at)
		return 0;
	if (*rest < '0' || *rest > '9')
		return -1;
	for (*value = 0; *rest >= '0' && *rest <= '9' && *value < 1000000; rest++)
		*value = *value * 10 + (*rest - '0');
	*at = rest;
	return 0;
}

static int parse_text(const char **at, const char *prefix, char *to, size_t size)
{
	const char *rest = vs_after(*at, prefix);
	size_t used = 0;

	if (!rest)
		return -1;
	for (; *rest && *rest != '"'; rest++) {
		if (used + 1 == size || *rest == '\\')
			return -1;
		to[used++] = *rest;
	}
	to[used] = 0;
	*at = rest;
	return 0;
}

int vs_exit_read(int lib, struct vs_exit *e)
{
	int fd = (int)sys_openat(lib, "exit.json", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	const char *at = e->json;
	long size;

	memset(e, 0, sizeof(*e));
	if (fd < 0)
		return fd;
	size = vs_read_full(fd, e->json, sizeof(e->json) - 1);
	sys_close(fd);
	if (!size)
		return -ENOENT;
	if (size > 0 && e->json[size - 1] == '\n')
		e->json[size - 1] = 0;
	if (size < 0 || parse_number(&at, "{\"code\":", &e->code) ||
	    parse_number(&at, ",\"signal\":", &e->signal) ||
	    parse_text(&at, ",\"at\":\"", e->at, sizeof(e->at)) ||
	    parse_text(&at, "\",\"reason\":\"", e->reason, sizeof(e->reason)) || !vs_equal(at, "\"}"))
		return -EBADMSG;
	return 0;
}
