// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages of the unpacker. They have the form that every other part of vserver uses, so that nobody
 * sees where one program ends and the next begins.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unpacker.h"

const char *runtime_path = "";
int json;
void (*before_exit)(void);

static void put_json(const char *text)
{
	fputc('"', stderr);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(stderr, "\\%c", *c);
		else if (*c < 0x20)
			fprintf(stderr, "\\u%04x", *c);
		else
			fputc(*c, stderr);
	}
	fputc('"', stderr);
}

void die(const char *code, const char *hint, const char *format, ...)
{
	char detail[1024], message[6144];
	va_list list;

	va_start(list, format);
	vsnprintf(detail, sizeof detail, format, list);
	va_end(list);
	snprintf(message, sizeof message, "Cannot unpack the runtime into \"%s\": %s", runtime_path,
		 detail);
	if (before_exit)
		before_exit();
	if (json) {
		fprintf(stderr, "{\"error\":{\"code\":");
		put_json(code);
		fprintf(stderr, ",\"message\":");
		put_json(message);
		fprintf(stderr, ",\"hint\":");
		put_json(hint);
		fprintf(stderr, ",\"details\":null}}\n");
	} else {
		fprintf(stderr, "vserver: %s\n  %s\n", message, hint);
	}
	exit(1);
}

void die_errno(const char *what, const char *path)
{
	int error = errno;

	switch (error) {
	case ENOSPC:
	case EDQUOT:
		die("E_DISK_FULL", "free 130 MiB on that file system, or use another one with --root DIR",
		    "the file system is full (%s \"%s\" failed with %s)", what, path,
		    strerrorname_np(error));
	case EROFS:
		die("E_STATE_DIR", "remount it read-write, or use another place with --root DIR",
		    "the file system is read-only (%s \"%s\" failed with EROFS)", what, path);
	case EACCES:
	case EPERM:
		die("E_STATE_DIR", "make it writable for this user, or use another place with --root DIR",
		    "%s \"%s\" failed with %s", what, path, strerrorname_np(error));
	default:
		die("E_STATE_DIR", "see whether that directory can be written, or use another place with "
		    "--root DIR", "%s \"%s\" failed with %s", what, path, strerrorname_np(error));
	}
}

/* Cleaning up calls only unlinkat, openat and getdents64, so it may run in the handler. */
static void on_signal(int number)
{
	if (before_exit)
		before_exit();
	signal(number, SIG_DFL);
	_exit(130);
}

void catch_signals(void)
{
	const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct sigaction action = { .sa_handler = on_signal };

		sigfillset(&action.sa_mask);
		sigaction(signals[i], &action, NULL);
	}
}
