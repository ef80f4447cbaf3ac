// SPDX-License-Identifier: GPL-2.0-only
/* The terminal of ptydrive: its session, its command and the report about it. */
#include "ptydrive.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/wait.h>

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* The session's leader: starts the command as a shell with job control does, tells how it went. */
static void lead(int slave, int events, int leash, char **argv)
{
	int status;
	char byte;

	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	pid_t command = fork();
	if (command == 0) {
		setpgid(0, 0);
		tcsetpgrp(slave, getpid());
		signal(SIGTTOU, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		closefrom(3);
		execvp(argv[0], argv);
		_exit(127);
	}
	setpgid(command, command);
	if (write(events, &command, sizeof(command)) < 0)
		_exit(1);
	while (waitpid(command, &status, 0) < 0 && errno == EINTR)
		continue;
	if (write(events, &status, sizeof(status)) < 0)
		_exit(1);
	while (read(leash, &byte, 1) < 0 && errno == EINTR)
		continue;
	_exit(0);
}

void open_terminal(struct terminal *terminal, const struct winsize *size, char **argv)
{
	int events[2], leash[2];

	*terminal = (struct terminal){ 0 };
	if (openpty(&terminal->master, &terminal->slave, NULL, NULL, size) < 0)
		die("openpty");
	if (pipe2(events, O_CLOEXEC) < 0 || pipe2(leash, O_CLOEXEC) < 0)
		die("pipe2");
	if (tcgetattr(terminal->slave, &terminal->before) < 0)
		die("tcgetattr");
	terminal->leader = fork();
	if (terminal->leader < 0)
		die("fork");
	if (terminal->leader == 0) {
		close(terminal->master);
		close(events[0]);
		close(leash[1]);
		lead(terminal->slave, events[1], leash[0], argv);
	}
	close(events[1]);
	close(leash[0]);
	if (read(events[0], &terminal->command, sizeof(pid_t)) != sizeof(pid_t))
		die("command");
	terminal->events = events[0];
	terminal->leash = leash[1];
	fcntl(events[0], F_SETFL, O_NONBLOCK);
	fcntl(terminal->master, F_SETFL, O_NONBLOCK);
}

int command_ended(struct terminal *terminal)
{
	if (!terminal->ended)
		terminal->ended = read(terminal->events, &terminal->status, sizeof(int)) == sizeof(int);
	return terminal->ended;
}

size_t unescape(const char *text, char *bytes, size_t room)
{
	size_t count = 0;
	unsigned int value;

	for (; *text && count < room; text++) {
		if (*text != '\\') {
			bytes[count++] = *text;
			continue;
		}
		text++;
		if (*text == 'x' && sscanf(text + 1, "%2x", &value) == 1) {
			bytes[count++] = (char)value;
			text += 2;
		} else {
			bytes[count++] = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text == 'e' ? 27 : *text;
		}
		if (!*text)
			break;
	}
	return count;
}

static void print_settings(const char *name, const struct termios *settings)
{
	printf("\"%s\":\"%x %x %x %x", name, settings->c_iflag, settings->c_oflag, settings->c_cflag,
	       settings->c_lflag);
	for (int i = 0; i < NCCS; i++)
		printf(" %x", settings->c_cc[i]);
	printf("\",");
}

void report(struct terminal *terminal, const char *failure, const char *output, size_t length)
{
	struct termios after = { 0 };
	int unread = 0, readable = tcgetattr(terminal->slave, &after) == 0;
	int exited = terminal->ended && WIFEXITED(terminal->status);
	int killed = terminal->ended && WIFSIGNALED(terminal->status);

	/* In canonical mode the kernel counts whole lines only, so look at the raw queue. */
	struct termios settings = after;
	cfmakeraw(&settings);
	tcsetattr(terminal->slave, TCSANOW, &settings);
	ioctl(terminal->slave, FIONREAD, &unread);
	printf("{\"code\":%d,\"signal\":%d,", exited ? WEXITSTATUS(terminal->status) : -1,
	       killed ? WTERMSIG(terminal->status) : 0);
	print_settings("before", &terminal->before);
	print_settings("after", &after);
	int same = readable && after.c_iflag == terminal->before.c_iflag &&
		   after.c_oflag == terminal->before.c_oflag && after.c_cflag == terminal->before.c_cflag &&
		   after.c_lflag == terminal->before.c_lflag &&
		   memcmp(after.c_cc, terminal->before.c_cc, sizeof(after.c_cc)) == 0;
	printf("\"restored\":%s,\"unread\":%d,\"failure\":\"", same ? "true" : "false", unread);
	for (const char *c = failure; *c; c++)
		printf(*c < ' ' || *c == '"' || *c == '\\' ? "\\u%04x" : "%c", (unsigned char)*c);
	printf("\",\"output\":\"");
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)output[i];
		printf(c < ' ' || c > '~' || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
	}
	printf("\"}\n");
	if (!terminal->ended)
		kill(-terminal->command, SIGKILL);
	close(terminal->leash);
	waitpid(terminal->leader, NULL, 0);
}
