/*
 * The init of test guests: `init MODE [ARGUMENT]`. Its standard descriptors are the console, 3 is where
 * readiness is told.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* A signal that even the init of a pid namespace dies of. */
static void raise_fault(void)
{
	__builtin_trap();
}

static void on_term(int signal)
{
	(void)signal;
	_exit(7);
}

/* Ends nothing that it was not told to; reaps what is left to it. */
static void idle(void)
{
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		poll(NULL, 0, 50);
	}
}

/* Counts the boots in a file; the count after this one. */
static int boots(const char *path)
{
	char text[16] = "";
	int fd = open(path, O_RDWR | O_CREAT, 0600), count;

	if (fd < 0)
		return 0;
	count = read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) + 1 : 1;
	lseek(fd, 0, SEEK_SET);
	dprintf(fd, "%d", count);
	close(fd);
	return count;
}

static void flood(long size)
{
	static char line[1024];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\n';
	for (; size > 0; size -= (long)sizeof(line))
		if (write(1, line, sizeof(line)) < 0)
			return;
}

static void echo(void)
{
	char bytes[4096];
	ssize_t size;

	while ((size = read(0, bytes, sizeof(bytes))) > 0)
		dprintf(1, "got:%.*s", (int)size, bytes);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : "";

	if (!strcmp(mode, "exit"))
		return atoi(argument);
	if (!strcmp(mode, "crash"))
		raise_fault();
	if (!strcmp(mode, "poweroff"))
		reboot(RB_POWER_OFF);
	if (!strcmp(mode, "reboot") && boots(argument) < 3)
		reboot(RB_AUTOBOOT);
	if (!strcmp(mode, "storm") && boots(argument))
		reboot(RB_AUTOBOOT);
	if (!strcmp(mode, "term"))
		signal(SIGTERM, on_term);
	if (!strcmp(mode, "stubborn"))
		signal(SIGTERM, SIG_IGN), signal(SIGTERM, (void (*)(int))idle);
	if (!strcmp(mode, "flood"))
		flood(atol(argument));
	if (!strcmp(mode, "ready"))
		usleep(100000), (void)!write(3, "STATUS=up\nREADY=1\n", 18);
	if (!strcmp(mode, "echo"))
		echo();
	idle();
	return 0;
}
