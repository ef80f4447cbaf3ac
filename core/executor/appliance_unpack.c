/*
 * Runs the carried unpacker (build/unpacker) from a memfd, so that it needs no place to be unpacked to.
 * It prints its own messages.
 */
#include <asm/signal.h>
#include <linux/memfd.h>

#include "appliance.h"
#include "lib.h"
#include "sys.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

/* Descriptors from here on are out of the way of those that the unpacker gets. */
#define HIGH 10
#define UNPACKER_SELF 3

static int load(const struct vs_appliance *a)
{
	int fd = (int)sys(__NR_memfd_create, "vserver-unpacker", MFD_CLOEXEC | MFD_EXEC);
	uint64_t left = a->trailer.unpacker_size;
	long at = (long)a->trailer.unpacker_offset;

	/* Before Linux 6.3 the flag is unknown, and every memfd executable. */
	if (fd == -EINVAL)
		fd = (int)sys(__NR_memfd_create, "vserver-unpacker", MFD_CLOEXEC);
	while (fd >= 0 && left) {
		long sent = sys(__NR_sendfile, fd, a->self, &at, left);

		if (sent <= 0) {
			sys_close(fd);
			return sent ? (int)sent : -EIO;
		}
		left -= (uint64_t)sent;
	}
	return fd;
}

/* In the child. */
__attribute__((noreturn)) static void become(const struct vs_appliance *a, int program, char **envp,
					     const uint64_t *mask)
{
	const char *argv[] = { "vserver-unpacker", a->top, a->below, a->leaf, a->json ? "json" : "text",
			       NULL };
	char path[sizeof("/proc/self/fd/") + VS_DECIMAL] = "/proc/self/fd/";
	int self = (int)sys(__NR_fcntl, a->self, F_DUPFD_CLOEXEC, HIGH);

	program = (int)sys(__NR_fcntl, program, F_DUPFD_CLOEXEC, HIGH);
	sys(__NR_dup3, self, UNPACKER_SELF, 0);
	sys(__NR_rt_sigprocmask, SIG_SETMASK, mask, NULL, sizeof(*mask));
	/*
	 * Not execveat(2): for that the kernel makes up a name below /dev/fd, and TOMOYO (in Debian's
	 * kernels, 5.10) wants to find it, while a bare host has no /dev/fd. We need /proc anyway.
	 */
	vs_decimal(path + strlen(path), (uint64_t)program);
	sys(__NR_execve, path, argv, envp);
	sys_exit(127);
}

int vs_appliance_unpack(const struct vs_appliance *a, char **envp)
{
	/* Ctrl-C reaches both; the unpacker cleans up and we wait for that. */
	uint64_t block = 1ull << (SIGINT - 1) | 1ull << (SIGTERM - 1) | 1ull << (SIGHUP - 1), old = 0;
	int program = load(a), status = 0;
	long pid;

	if (program < 0)
		return vs_appliance_fail(a, "E_HOST", "free some memory, and see that sysctl "
					 "vm.memfd_noexec is not 2", "Cannot unpack the runtime into \"",
					 a->directory, "\": no memory to run the unpacker from", NULL);
	sys(__NR_rt_sigprocmask, SIG_BLOCK, &block, &old, sizeof(old));
	pid = sys(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		become(a, program, envp, &old);
	sys_close(program);
	if (pid > 0)
		while (sys(__NR_wait4, pid, &status, 0, NULL) == -EINTR)
			;
	sys(__NR_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	if (pid < 0)
		return vs_appliance_fail(a, "E_HOST", "raise the limit of processes (ulimit -u)",
					 "Cannot unpack the runtime into \"", a->directory,
					 "\": no process can be started", NULL);
	if (status & 0x7f)
		return vs_appliance_fail(a, "E_HOST", "try again, and look for a lack of memory (dmesg)",
					 "Cannot unpack the runtime into \"", a->directory,
					 "\": the unpacker was killed", NULL);
	if (status >> 8 == 127)
		return vs_appliance_fail(a, "E_HOST", "see that sysctl vm.memfd_noexec is 0 or 1",
					 "Cannot unpack the runtime into \"", a->directory,
					 "\": the unpacker cannot be executed", NULL);
	return status >> 8;
}
