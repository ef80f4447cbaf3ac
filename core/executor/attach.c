/*
 * `@attach RUNDIR NAME`: the caller's terminal on the guest's console. Framing: PROTOCOL.md. Without a
 * terminal on stdin, what comes in is typed as it is, and the end of input detaches.
 */
#include "relay.h"

#include <linux/poll.h>
#include <linux/un.h>

#define AF_UNIX_FAMILY 1
#define STREAM 1
#define CHUNK 4096
/* Ctrl-] */
#define DETACH 0x1d

static volatile int signalled, resized;

static void on_signal(int signal, void *info, void *context)
{
	(void)info, (void)context;
	if (signal == 28)
		resized = 1;
	else
		signalled = signal;
}

static int fail(const char *name, const char *detail, const char *hint)
{
	static struct vs_request r;

	return vs_error(&r, VS_E_NOT_RUNNING, hint, "Cannot attach to \"", name, "\": ", detail, NULL);
}

/* Through the working directory, as the path may be longer than an address holds. */
static int reach(const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX_FAMILY, .sun_path = "console" };
	int fd = (int)sys(__NR_socket, AF_UNIX_FAMILY, STREAM | O_CLOEXEC, 0);
	long error = fd < 0 ? fd : sys(__NR_chdir, run_dir);

	if (!error)
		error = sys(__NR_connect, fd, &address, sizeof(address));
	return error ? (int)error : fd;
}

static int send(int fd, char kind, const void *from, size_t size)
{
	uint8_t head[4] = { (uint8_t)kind, 0, (uint8_t)size, (uint8_t)(size >> 8) };

	return vs_write_full(fd, head, 4) || vs_write_full(fd, from, size) ? -1 : 0;
}

static int send_size(int fd)
{
	struct winsize size;
	uint8_t bytes[4];

	if (sys(__NR_ioctl, 0, TIOCGWINSZ, &size) || !size.ws_row)
		return 0;
	bytes[0] = (uint8_t)size.ws_row;
	bytes[1] = (uint8_t)(size.ws_row >> 8);
	bytes[2] = (uint8_t)size.ws_col;
	bytes[3] = (uint8_t)(size.ws_col >> 8);
	return send(fd, 'W', bytes, 4);
}

/* 0: go on, 1: detach, -1: the supervisor is gone. */
static int typed(int fd, int terminal)
{
	char chunk[CHUNK];
	long size = sys_read(0, chunk, sizeof(chunk));
	char *key;

	if (size == -EINTR || size == -EAGAIN)
		return 0;
	if (size <= 0)
		return 1;
	key = terminal ? memchr(chunk, DETACH, (size_t)size) : NULL;
	if (key)
		size = key - chunk;
	if (size && send(fd, 'D', chunk, (size_t)size))
		return -1;
	return key ? 1 : 0;
}

static int carry(int fd, int terminal)
{
	struct pollfd polls[2] = { { fd, POLLIN, 0 }, { 0, POLLIN, 0 } };
	char chunk[CHUNK];
	uint64_t none = 0;
	int end = 0;
	long size;

	while (!end && !signalled) {
		if (resized) {
			resized = 0;
			send_size(fd);
		}
		if (sys(__NR_ppoll, polls, 2, NULL, &none, 8) < 0)
			continue;
		if (polls[1].revents)
			end = typed(fd, terminal);
		if (!polls[0].revents || end < 0)
			continue;
		size = sys_read(fd, chunk, sizeof(chunk));
		if (size <= 0 && size != -EINTR)
			end = -1;
		if (size > 0 && vs_write_full(1, chunk, (size_t)size))
			end = 1;
	}
	return end;
}

static void note(const char *a, const char *name, const char *b)
{
	char buffer[160];
	struct vs_out out = { .fd = 2, .size = sizeof(buffer), .buffer = buffer };

	vs_out_text(&out, a);
	vs_out_text(&out, name);
	vs_out_text(&out, b);
	vs_flush(&out);
}

int vs_attach(int argc, char **argv, char **envp)
{
	static const uint8_t signals[] = { 1, 2, 3, 15, 28 };
	const char *name = argv[3];
	int terminal = vs_is_terminal(0), end, fd;
	uint64_t set = 0;

	(void)argc, (void)envp;
	fd = reach(argv[2]);
	if (fd < 0)
		return fail(name, "it is not running", "start it, then attach");
	for (size_t i = 0; i < sizeof(signals); i++) {
		vs_handle(signals[i], on_signal, 0);
		set |= VS_BIT(signals[i]);
	}
	vs_mask(set);
	if (terminal) {
		note("Attached to the console of ", name, "; Ctrl-] detaches.\n");
		send_size(fd);
		vs_terminal_raw(0);
	}
	end = carry(fd, terminal);
	vs_terminal_restore();
	if (signalled)
		return 128 + signalled;
	if (terminal)
		note(end < 0 ? "\nThe console of " : "\nDetached from ", name, end < 0 ? " is closed.\n" : ".\n");
	return 0;
}
