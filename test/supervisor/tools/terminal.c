/*
 * Runs a command on a terminal and plays a script on it:
 * `terminal STEP… -- COMMAND…`, with the steps
 *	send:TEXT	types (\r \n \xHH \\ are understood)
 *	expect:TEXT	reads until the text has come (10 s)
 *	size:RxC	resizes the terminal
 *	signal:N	signals the command
 *	run:COMMAND	runs a command of the shell elsewhere
 *	hangup		closes the terminal's master
 *	count:N		reads N bytes more and forgets them
 *	wait		waits for the command, reading on; prints `exit N` or `signal N`
 *	modes		prints `restored` or `changed`: the terminal's modes against those at the start
 * A step that fails ends it with status 1, showing what was read since the last one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

static char seen[1 << 20];
static size_t used;
static int master, slave;
static struct termios before;

static size_t unescape(const char *text, char *to)
{
	size_t length = 0;

	for (; *text; text++) {
		if (*text != '\\') {
			to[length++] = *text;
		} else if (*++text == 'x') {
			unsigned value = 0;

			sscanf(text + 1, "%2x", &value);
			to[length++] = (char)value;
			text += 2;
		} else {
			to[length++] = *text == 'r' ? '\r' : *text == 'n' ? '\n' : *text;
		}
	}
	return length;
}

static int read_some(int ms)
{
	struct pollfd poll_fd = { .fd = master, .events = POLLIN };
	ssize_t size;

	if (poll(&poll_fd, 1, ms) != 1)
		return 0;
	if (used > sizeof(seen) / 2)
		used = 0;
	size = read(master, seen + used, sizeof(seen) - 1 - used);
	if (size <= 0)
		return -1;
	used += (size_t)size;
	return (int)size;
}

static int expect(const char *text)
{
	char wanted[4096];
	size_t length = unescape(text, wanted);

	for (int left = TIMEOUT_MS; left > 0; left -= 10) {
		char *at = memmem(seen, used, wanted, length);

		if (at) {
			used -= (size_t)(at - seen) + length;
			memmove(seen, at + length, used);
			return 0;
		}
		if (read_some(10) < 0)
			usleep(10000);
	}
	return 1;
}

static int await(pid_t pid)
{
	int status;

	for (int left = TIMEOUT_MS; left > 0; left -= 10) {
		while (master >= 0 && read_some(0) > 0)
			;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			while (master >= 0 && read_some(0) > 0)
				;
			printf(WIFEXITED(status) ? "exit %d\n" : "signal %d\n",
			       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
			return 0;
		}
		usleep(10000);
	}
	return 1;
}

static int count(long left)
{
	left -= (long)used;
	used = 0;
	while (left > 0) {
		int size = read_some(TIMEOUT_MS);

		if (size <= 0)
			return 1;
		left -= size;
		used = 0;
	}
	return 0;
}

static int step(const char *text, pid_t pid)
{
	char bytes[65536];
	struct winsize size = { 0 };
	struct termios now;

	if (!strncmp(text, "send:", 5)) {
		size_t length = unescape(text + 5, bytes);

		return write(master, bytes, length) != (ssize_t)length;
	}
	if (!strncmp(text, "expect:", 7))
		return expect(text + 7);
	if (!strncmp(text, "count:", 6))
		return count(atol(text + 6));
	if (sscanf(text, "size:%hux%hu", &size.ws_row, &size.ws_col) == 2)
		return ioctl(master, TIOCSWINSZ, &size);
	if (!strncmp(text, "signal:", 7))
		return kill(pid, atoi(text + 7));
	if (!strncmp(text, "run:", 4))
		return system(text + 4) != 0;
	if (!strcmp(text, "hangup")) {
		close(master);
		close(slave);
		return master = -1, 0;
	}
	if (!strcmp(text, "wait"))
		return await(pid);
	tcgetattr(slave, &now);
	puts(memcmp(&now, &before, sizeof(now)) ? "changed" : "restored");
	return 0;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int dashes = 1;
	pid_t pid;

	while (dashes < argc && strcmp(argv[dashes], "--"))
		dashes++;
	if (openpty(&master, &slave, NULL, NULL, &size))
		return 2;
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	tcgetattr(slave, &before);
	pid = fork();
	if (!pid) {
		login_tty(dup(slave));
		execv(argv[dashes + 1], argv + dashes + 1);
		_exit(127);
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 1; i < dashes; i++) {
		if (!step(argv[i], pid))
			continue;
		printf("failed: %s\nread: %.*s\n", argv[i], (int)used, seen);
		kill(pid, SIGKILL);
		return 1;
	}
	return 0;
}
