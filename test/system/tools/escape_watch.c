// SPDX-License-Identifier: GPL-2.0-only
/*
 * escape @watch: while the host runs many commands in the guest, looks at each process from the moment
 * on at which it can be seen in here. Until its execve it is the host's executable with the host's
 * memory, environment and descriptors. Afterwards it is the guest's own and may be looked at.
 *
 * escape @terminal: what can be done to the terminal on descriptor 0 (see terminal.system.test.ts).
 */
#include "escape.h"

#include <dirent.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

enum { ENVIRON, MEM, MAPS, EXE, EXE_WRITE, FD, CWD, ROOT, PTRACE, KINDS };
static const char *const words[KINDS] = { "environ", "mem", "maps", "exe", "exe-write",
					  "fd",	     "cwd", "root", "ptrace" };
static const char *const files[KINDS] = { "environ", "mem", "maps", "exe", "exe",
					  "fd",	     "cwd", "root", NULL };
static int refused[KINDS];
static int won[KINDS];

/* Is it, at this moment, the command itself, hence the guest's own? */
static int is_guests(int pid, const char *command)
{
	char path[64], target[256];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return errno == ENOENT || errno == ESRCH;
	target[length] = 0;
	return strcmp(target, command) == 0;
}

static void look(int pid, int kind, const char *secret, const char *command)
{
	char path[64], buffer[65536];
	int fd;

	if (kind == PTRACE) {
		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) {
			if (errno != ESRCH)
				refused[kind] = errno;
			return;
		}
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
		waitpid(pid, NULL, __WALL);
		won[kind] |= !is_guests(pid, command);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[kind]);
	fd = open(path, kind == EXE_WRITE ? O_WRONLY : kind == ROOT || kind == CWD ? O_PATH : O_RDONLY);
	if (fd < 0) {
		int error = errno;

		/* Permission comes first: only the guest's own file is found to be busy. */
		if (error == ETXTBSY && is_guests(pid, command))
			return;
		if (error != ENOENT && error != ESRCH)
			refused[kind] = error;
		return;
	}
	if (kind == ENVIRON) {
		ssize_t count = read(fd, buffer, sizeof(buffer));
		won[kind] |= count > 0 && memmem(buffer, (size_t)count, secret, strlen(secret)) != NULL;
	} else if (kind == CWD || kind == ROOT) {
		won[kind] |= fchdir(fd) == 0 && climb() == 0;
	} else if (kind == EXE_WRITE) {
		/* The command's own file while it ends is no longer busy, and is the guest's. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, buffer, sizeof(buffer) - 1);
		buffer[length < 0 ? 0 : length] = 0;
		won[kind] |= strcmp(buffer, command) != 0;
	} else if (!is_guests(pid, command)) {
		/* A second look: it may have been the command already and gone by now. */
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		won[kind] |= readlink(path, buffer, sizeof(buffer)) > 0;
	}
	close(fd);
}

/* Numbers are given out in order: the next processes are known before they exist. */
int watch(int seconds, const char *secret, const char *command)
{
	time_t end = time(NULL) + seconds;
	char text[16] = { 0 };
	int seen = 0;

	printf("ready\n");
	fflush(stdout);
	while (time(NULL) < end) {
		int fd = open("/proc/sys/kernel/ns_last_pid", O_RDONLY);
		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
			return 1;
		close(fd);
		int last = atoi(text);
		for (int round = 0; round < 200; round++)
			for (int pid = last; pid < last + 3; pid++)
				if (pid != getpid())
					look(pid, (round + pid + seen++) % KINDS, secret, command);
	}
	for (int kind = 0; kind < KINDS; kind++)
		printf("entering.%s\t%s\n", words[kind],
		       won[kind]	 ? "OK"
		       : refused[kind] ? strerrorname_np(refused[kind])
				       : "UNSEEN");
	return 0;
}

int terminal(void)
{
	struct termios settings;

	printf("terminal.is\t%s\n", isatty(0) ? "TTY" : "NOT");
	printf("terminal.push\t%s\n", ioctl(0, TIOCSTI, "x") == 0 ? "OK" : strerrorname_np(errno));
	printf("terminal.own\t%s\n", open("/dev/tty", O_RDWR) >= 0 ? "OK" : strerrorname_np(errno));
	printf("terminal.steal\t%s\n", ioctl(0, TIOCSCTTY, 1) == 0 ? "OK" : strerrorname_np(errno));
	printf("terminal.get\t%s\n", tcgetattr(0, &settings) == 0 ? "OK" : strerrorname_np(errno));
	return 0;
}
