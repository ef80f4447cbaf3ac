// SPDX-License-Identifier: GPL-2.0-only
/*
 * escape: run by a guest's root inside the guest. Prints one line a probe: its name, a tab, and OK
 * (the attack worked), the name of the errno that stopped it, CONTAINED, or the name of the signal
 * that it died of. test/system/escape.rows.ts says what each must print and why.
 *
 *   escape [PID MARKER SOCKET PORT PTS HANDLE KEY]   every probe
 *   escape @list                                     the names of the probes
 *   escape @watch SECONDS SECRET COMMAND             races against processes that enter the guest
 *   escape @terminal                                 what can be done to the terminal on descriptor 0
 *   escape @reboot off|restart                       ends the guest, and nothing else
 *   escape @handle PATH                              on the host: the file handle, for HANDLE
 */
#include "escape.h"

#include <sched.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>

struct target host = { .pid = -1, .marker = "/", .socket = "", .handle = "", .key = "" };

static const struct probe *const lists[] = {
	process_probes, mount_probes,  root_probes,	file_probes,
	device_probes,	kernel_probes, resource_probes, network_probes,
};

int try_open(const struct probe *probe)
{
	char buffer[64];
	int fd = open(probe->path, (int)probe->flags | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	if ((probe->flags & O_ACCMODE) != O_RDONLY)
		return 0;
	/* A mask may be an empty file in the place of the real one. */
	ssize_t count = read(fd, buffer, sizeof(buffer));
	return count < 0 ? errno : count == 0 ? ENODATA : 0;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	return failed(write(fd, text, strlen(text)));
}

int try_write(const struct probe *probe)
{
	return write_text(probe->path, probe->text);
}

void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int nest(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return errno;
	write_text("/proc/self/setgroups", "deny");
	int error = write_text("/proc/self/uid_map", "0 0 1\n");
	return error ? error : write_text("/proc/self/gid_map", "0 0 1\n");
}

int climb(void)
{
	struct stat status;

	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return errno;
	return failed(stat(host.marker + 1, &status));
}

static const char *word(int result)
{
	if (result == 0)
		return "OK";
	if (result == CONTAINED)
		return "CONTAINED";
	const char *name = strerrorname_np(result);
	return name ? name : "UNKNOWN";
}

/* Every probe has a process of its own: most leave it in a state that no other one should start in. */
static void run(const struct probe *probe)
{
	int pipes[2], result, status;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(1);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(10);
		result = probe->run(probe);
		_exit(write(pipes[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
	}
	close(pipes[1]);
	if (child < 0 || waitpid(child, &status, __WALL) < 0)
		exit(1);
	if (read(pipes[0], &result, sizeof(result)) == sizeof(result))
		printf("%s\t%s\n", probe->name, word(result));
	else if (WIFSIGNALED(status))
		printf("%s\tSIG%s\n", probe->name, sigabbrev_np(WTERMSIG(status)));
	else
		printf("%s\tNOTHING\n", probe->name);
	close(pipes[0]);
}

static int print_handle(const char *path)
{
	union {
		struct file_handle head;
		unsigned char room[sizeof(struct file_handle) + 128];
	} handle = { .head.handle_bytes = 128 };
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) < 0) {
		perror("name_to_handle_at");
		return 1;
	}
	printf("%d:", handle.head.handle_type);
	for (unsigned int i = 0; i < handle.head.handle_bytes; i++)
		printf("%02x", handle.head.f_handle[i]);
	puts("");
	return 0;
}

int main(int argc, char **argv)
{
	int only_names = argc == 2 && strcmp(argv[1], "@list") == 0;

	if (argc == 5 && strcmp(argv[1], "@watch") == 0)
		return watch(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 2 && strcmp(argv[1], "@terminal") == 0)
		return terminal();
	if (argc == 3 && strcmp(argv[1], "@handle") == 0)
		return print_handle(argv[2]);
	if (argc == 3 && strcmp(argv[1], "@reboot") == 0)
		return reboot(strcmp(argv[2], "off") == 0 ? RB_POWER_OFF : RB_AUTOBOOT) < 0;
	if (argc == 8) {
		host = (struct target){ atoi(argv[1]), argv[2],	      argv[3], atoi(argv[4]),
					atoi(argv[5]), argv[6],	      argv[7] };
	} else if (argc != 1 && !only_names) {
		fprintf(stderr, "usage: escape [PID MARKER SOCKET PORT PTS HANDLE KEY]\n");
		return 2;
	}
	if (!only_names)
		mkdir(SCRATCH, 0755);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (const struct probe *probe = lists[i]; probe->name; probe++)
			if (only_names)
				puts(probe->name);
			else
				run(probe);
	return 0;
}
