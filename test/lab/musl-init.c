/*
 * Pid 1 of the host whose only C library is musl: linked with it, so that the host does not come up
 * without it. Starts the plain init and reaps everything else for ever.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	pid_t child = fork();

	if (child == 0) {
		execl("/lab/busybox", "sh", "/lab/plain-init.sh", (char *)NULL);
		perror("/lab/busybox");
		_exit(1);
	}
	while (wait(NULL) != child)
		;
	fprintf(stderr, "the plain init ended\n");
	return 1;
}
