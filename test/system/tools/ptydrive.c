// SPDX-License-Identifier: GPL-2.0-only
/*
 * ptydrive: runs a command on a terminal of its own and plays the person in front of it.
 *
 *   ptydrive [-s ROWSxCOLUMNS] [-l SECONDS] [-a ACTION]... -- COMMAND...
 *
 * Actions, one after the other: expect:TEXT (in what came since the last match), send:BYTES (with
 * \n \r \e \xHH \\), resize:ROWSxCOLUMNS, wait:MS, signal:NUMBER (to the command), feed:BYTES:SEED
 * (types a stream), take:BYTES:SEED (reads a stream and compares). Then it waits for the command's end.
 *
 * Prints one JSON object: code and signal of the command, failure (the action that did not come to
 * pass), termios before and after, whether they are equal, how many bytes of input lie unread, output.
 *
 * The command is not the leader of its session: a leader's exit hangs the terminal up, and then nobody
 * could look at the settings that were left behind.
 */
#include "ptydrive.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

static char output[OUTPUT_MAX];
static size_t output_length, output_seen;
static char failure[256];
static int64_t deadline;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(failure, sizeof(failure), format, arguments);
	va_end(arguments);
}

/* Keeps the latest output; the older half goes when there is no room. */
static void keep(const char *bytes, size_t count)
{
	if (output_length + count > OUTPUT_MAX) {
		size_t drop = OUTPUT_MAX / 2;
		memmove(output, output + drop, output_length - drop);
		output_length -= drop;
		output_seen = output_seen > drop ? output_seen - drop : 0;
	}
	memcpy(output + output_length, bytes, count);
	output_length += count;
}

/* Reads what is there within some ms. -1: nothing came, or the terminal is gone. */
static ssize_t pull(struct terminal *terminal, char *buffer, size_t size, int ms)
{
	struct pollfd poller = { terminal->master, POLLIN, 0 };

	if (poll(&poller, 1, ms) <= 0 || !(poller.revents & POLLIN))
		return -1;
	return read(terminal->master, buffer, size);
}

static void collect(struct terminal *terminal, int ms)
{
	char buffer[4096];
	ssize_t count = pull(terminal, buffer, sizeof(buffer), ms);

	if (count > 0)
		keep(buffer, (size_t)count);
}

static int act_expect(struct terminal *terminal, const char *text)
{
	int ended = 0;

	for (;;) {
		char *found = memmem(output + output_seen, output_length - output_seen, text, strlen(text));
		if (found) {
			output_seen = (size_t)(found - output) + strlen(text);
			return 0;
		}
		if (ended || now_ms() > deadline)
			return -1;
		ended = command_ended(terminal);
		collect(terminal, ended ? 0 : 20);
	}
}

static int act_send(struct terminal *terminal, const char *text)
{
	char bytes[1024];
	size_t count = unescape(text, bytes, sizeof(bytes));

	for (size_t sent = 0; sent < count;) {
		ssize_t part = write(terminal->master, bytes + sent, count - sent);
		if (part > 0)
			sent += (size_t)part;
		else if (errno != EAGAIN || now_ms() > deadline)
			return -1;
		else
			collect(terminal, 5);
	}
	return 0;
}

static int act_wait(struct terminal *terminal, int ms)
{
	for (int64_t end = now_ms() + ms; now_ms() < end;)
		collect(terminal, 5);
	return 0;
}

static int act_feed(struct terminal *terminal, size_t bytes, uint64_t seed)
{
	static unsigned char buffer[4096];
	struct stream stream;
	size_t have = 0, sent = 0;

	stream_start(&stream, seed);
	for (size_t done = 0; done < bytes;) {
		struct pollfd poller = { terminal->master, POLLOUT | POLLIN, 0 };
		if (now_ms() > deadline || command_ended(terminal))
			return -1;
		if (sent == have) {
			have = bytes - done < sizeof(buffer) ? bytes - done : sizeof(buffer);
			stream_next(&stream, buffer, have);
			sent = 0;
		}
		if (poll(&poller, 1, 100) < 0)
			return -1;
		if (poller.revents & POLLIN)
			collect(terminal, 0);
		if (!(poller.revents & POLLOUT))
			continue;
		ssize_t part = write(terminal->master, buffer + sent, have - sent);
		if (part < 0 && errno != EAGAIN)
			return -1;
		sent += part < 0 ? 0 : (size_t)part;
		done += part < 0 ? 0 : (size_t)part;
	}
	return 0;
}

static int act_take(struct terminal *terminal, size_t bytes, uint64_t seed)
{
	static unsigned char want[65536];
	static char got[65536];
	struct stream stream;
	size_t count = output_length - output_seen;

	if (count > sizeof(got) || count > bytes)
		return -1;
	memcpy(got, output + output_seen, count);
	output_length = output_seen;
	stream_start(&stream, seed);
	for (size_t done = 0;;) {
		stream_next(&stream, want, count);
		if (memcmp(got, want, count) != 0) {
			fail("take: bytes differ near %zu", done);
			return -1;
		}
		done += count;
		if (done == bytes)
			return 0;
		size_t room = bytes - done < sizeof(got) ? bytes - done : sizeof(got);
		ssize_t part = pull(terminal, got, room, 1000);
		if (part <= 0 && (now_ms() > deadline || command_ended(terminal))) {
			fail("take: ended after %zu bytes", done);
			return -1;
		}
		count = part < 0 ? 0 : (size_t)part;
	}
}

static int act(struct terminal *terminal, const char *action)
{
	struct winsize size = { 0 };
	unsigned long long bytes, seed;
	int number;

	if (strncmp(action, "expect:", 7) == 0)
		return act_expect(terminal, action + 7);
	if (strncmp(action, "send:", 5) == 0)
		return act_send(terminal, action + 5);
	if (sscanf(action, "resize:%hux%hu", &size.ws_row, &size.ws_col) == 2)
		return ioctl(terminal->master, TIOCSWINSZ, &size);
	if (sscanf(action, "wait:%d", &number) == 1)
		return act_wait(terminal, number);
	if (sscanf(action, "signal:%d", &number) == 1)
		return kill(terminal->command, number);
	if (sscanf(action, "feed:%llu:%llu", &bytes, &seed) == 2)
		return act_feed(terminal, bytes, seed);
	if (sscanf(action, "take:%llu:%llu", &bytes, &seed) == 2)
		return act_take(terminal, bytes, seed);
	errno = EINVAL;
	return -1;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct terminal terminal;
	const char *actions[64];
	int option, count = 0, seconds = 20;

	while ((option = getopt(argc, argv, "+s:l:a:")) != -1) {
		if (option == 's' && sscanf(optarg, "%hux%hu", &size.ws_row, &size.ws_col) == 2)
			continue;
		if (option == 'l' && (seconds = atoi(optarg)) > 0)
			continue;
		if (option != 'a' || count == 64)
			return 2;
		actions[count++] = optarg;
	}
	if (optind == argc) {
		fprintf(stderr, "usage: ptydrive [-s RxC] [-l SECONDS] [-a ACTION]... -- COMMAND...\n");
		return 2;
	}
	deadline = now_ms() + seconds * 1000;
	open_terminal(&terminal, &size, argv + optind);
	for (int i = 0; i < count && !failure[0]; i++)
		if (act(&terminal, actions[i]) < 0 && !failure[0])
			fail("%s", actions[i]);
	while (!failure[0] && !command_ended(&terminal)) {
		collect(&terminal, 20);
		if (now_ms() > deadline)
			fail("the command did not end");
	}
	for (size_t before = output_length + 1; before != output_length && output_length < OUTPUT_MAX / 2;) {
		before = output_length;
		collect(&terminal, 0);
	}
	report(&terminal, failure, output, output_length);
	return failure[0] ? 1 : 0;
}
