/*
 * Loads an eBPF program and attaches it to a cgroup2 directory, then tries devices from a child in
 * there. Standard input: the argument of BPF_PROG_LOAD, that of BPF_PROG_ATTACH, and the code.
 * Arguments: DIRECTORY LOAD-SIZE ATTACH-SIZE, and the offsets of insns and license in the former,
 * of target_fd and attach_bpf_fd in the latter. Prints "WHAT RESULT" lines, 0 or an errno.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char input[65536] __attribute__((aligned(8)));
static const char license[] = "GPL";

static void tell(const char *what, int failed)
{
	printf("%s %d\n", what, failed ? errno : 0);
}

static void try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);

	tell(path, fd < 0);
	if (fd >= 0)
		close(fd);
}

static void try_mknod(const char *what, mode_t mode, dev_t dev)
{
	char path[] = "/tmp/vserver-device-XXXXXX";

	if (!mkdtemp(path) || chdir(path))
		err(1, "mkdtemp");
	tell(what, mknod("node", mode | 0600, dev));
	unlink("node");
	if (chdir("/") || rmdir(path))
		err(1, "rmdir");
}

int main(int argc, char **argv)
{
	uint64_t code = (uintptr_t)input;
	uint64_t text = (uintptr_t)license;
	char *load = input;
	char *attach;
	int directory;
	int program;
	int procs;
	pid_t pid;
	int status;

	if (argc != 8 || read(0, input, sizeof(input)) < 0)
		errx(1, "usage");
	attach = input + atoi(argv[2]);
	code += atoi(argv[2]) + atoi(argv[3]);
	memcpy(load + atoi(argv[4]), &code, sizeof(code));
	memcpy(load + atoi(argv[5]), &text, sizeof(text));
	program = syscall(SYS_bpf, BPF_PROG_LOAD, load, atoi(argv[2]));
	if (program < 0)
		err(1, "BPF_PROG_LOAD");
	directory = open(argv[1], O_DIRECTORY | O_CLOEXEC);
	memcpy(attach + atoi(argv[6]), &directory, sizeof(directory));
	memcpy(attach + atoi(argv[7]), &program, sizeof(program));
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, attach, atoi(argv[3])))
		err(1, "BPF_PROG_ATTACH");
	procs = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		if (write(procs, "0", 1) != 1)
			err(1, "cgroup.procs");
		try_open("/dev/null", O_RDWR);
		try_open("/dev/zero", O_RDONLY);
		try_open("/dev/full", O_RDWR);
		try_open("/dev/urandom", O_RDONLY);
		try_open("/dev/ptmx", O_RDWR);
		try_open("/dev/kmsg", O_RDONLY);
		try_open("/dev/mem", O_RDONLY);
		try_open("/dev/loop-control", O_RDWR);
		try_mknod("mknod-null", S_IFCHR, makedev(1, 3));
		try_mknod("mknod-whiteout", S_IFCHR, makedev(0, 0));
		try_mknod("mknod-kmsg", S_IFCHR, makedev(1, 11));
		try_mknod("mknod-loop", S_IFBLK, makedev(7, 0));
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		errx(1, "the child failed");
	return 0;
}
