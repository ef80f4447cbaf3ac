// SPDX-License-Identifier: GPL-2.0-only
/*
 * ttypeer: what runs inside the guest while ptydrive drives the terminal from outside.
 *
 *   ttypeer size               prints its terminal's size, and again whenever that changes; q ends it
 *   ttypeer signals            prints the terminal's signals as they come; end of file ends it with 3
 *   ttypeer sink BYTES SEED    raw mode; reads the stream of that seed and compares
 *   ttypeer source BYTES SEED  raw mode; writes the stream of that seed
 *   ttypeer die SIGNAL         raw mode; kills itself
 *
 * Without a terminal, sink and source work on whatever descriptors 0 and 1 are.
 */
#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(1);
}

static void show_size(int signal)
{
	struct winsize size = { 0 };
	char text[64];

	(void)signal;
	ioctl(0, TIOCGWINSZ, &size);
	snprintf(text, sizeof(text), "size %ux%u\n", size.ws_row, size.ws_col);
	say(text);
}

static void show_signal(int signal)
{
	char text[32];

	snprintf(text, sizeof(text), "SIG%s\n", sigabbrev_np(signal));
	say(text);
}

static void raw(void)
{
	struct termios settings;

	if (tcgetattr(0, &settings) < 0)
		return;
	cfmakeraw(&settings);
	tcsetattr(0, TCSANOW, &settings);
}

static int sink(size_t bytes, uint64_t seed)
{
	static unsigned char got[65536], want[65536];
	struct stream stream;
	char text[64];

	stream_start(&stream, seed);
	for (size_t done = 0; done < bytes;) {
		size_t room = bytes - done < sizeof(got) ? bytes - done : sizeof(got);
		ssize_t count = read(0, got, room);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			snprintf(text, sizeof(text), "short at %zu\r\n", done);
			say(text);
			return 1;
		}
		stream_next(&stream, want, (size_t)count);
		if (memcmp(got, want, (size_t)count) != 0) {
			snprintf(text, sizeof(text), "bad near %zu\r\n", done);
			say(text);
			return 1;
		}
		done += (size_t)count;
	}
	say("same\r\n");
	return 0;
}

static int source(size_t bytes, uint64_t seed)
{
	static unsigned char buffer[65536];
	struct stream stream;

	stream_start(&stream, seed);
	for (size_t done = 0; done < bytes;) {
		size_t part = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);
		stream_next(&stream, buffer, part);
		for (size_t sent = 0; sent < part;) {
			ssize_t count = write(1, buffer + sent, part - sent);
			if (count < 0 && errno != EINTR)
				return 1;
			sent += count < 0 ? 0 : (size_t)count;
		}
		done += part;
	}
	return 0;
}

static void say_ready(int number)
{
	(void)number;
	say("ready\n");
}

/* Who reads what is announced sends signals: they are listened to before. */
static int listen_to(const int *signals, size_t count, void (*handler)(int), void (*announce)(int))
{
	struct sigaction action = { .sa_handler = handler };
	char byte;

	for (size_t i = 0; i < count; i++)
		sigaction(signals[i], &action, NULL);
	announce(0);
	for (;;) {
		ssize_t got = read(0, &byte, 1);
		if (got == 0) {
			say("eof\n");
			return 3;
		}
		if (got == 1 && byte == 'q')
			return 0;
		if (got < 0 && errno != EINTR)
			return 1;
	}
}

int main(int argc, char **argv)
{
	const int winch[] = { SIGWINCH };
	const int keys[] = { SIGINT, SIGQUIT, SIGTSTP, SIGHUP };

	if (argc == 2 && strcmp(argv[1], "size") == 0)
		return listen_to(winch, 1, show_size, show_size);
	if (argc == 2 && strcmp(argv[1], "signals") == 0)
		return listen_to(keys, 4, show_signal, say_ready);
	if (argc == 3 && strcmp(argv[1], "die") == 0) {
		raw();
		say("ready!");
		return raise(atoi(argv[2]));
	}
	if (argc == 4) {
		raw();
		say("ready!");
		if (strcmp(argv[1], "sink") == 0)
			return sink(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		if (strcmp(argv[1], "source") == 0)
			return source(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	}
	fprintf(stderr, "usage: ttypeer size|signals|sink BYTES SEED|source BYTES SEED|die SIGNAL\n");
	return 2;
}
