/*
 * Installs the seccomp filter that standard input holds, and then makes the calls named on the
 * command line, NR[:ARG0[:ARG1]] each (all other arguments are 0). "i386:NR" makes a call by int
 * 0x80. Prints one result a line, as the kernel returns it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter filter[BPF_MAXINSNS];

static long raw(long nr, long a, long b)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(0L), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static long compat(long nr)
{
	int result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((int)nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { .filter = filter };
	ssize_t size = 0;
	ssize_t got;

	while ((got = read(0, (char *)filter + size, sizeof(filter) - size)) > 0)
		size += got;
	if (got < 0 || size % sizeof(filter[0]))
		err(1, "read");
	program.len = size / sizeof(filter[0]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err(1, "prctl");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		err(1, "seccomp");
	for (int i = 1; i < argc; i++) {
		char *end = argv[i];
		long numbers[3] = { 0 };
		int is_compat = strncmp(argv[i], "i386:", 5) == 0;

		if (is_compat)
			end += 5;
		for (int n = 0; n < 3 && *end; n++) {
			numbers[n] = strtoul(end, &end, 10);
			if (*end == ':')
				end++;
		}
		printf("%ld\n", is_compat ? compat(numbers[0])
					  : raw(numbers[0], numbers[1], numbers[2]));
	}
	return 0;
}
