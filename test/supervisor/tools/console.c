/*
 * A client of the console's socket that does not play by the rules: `console RUNDIR MODE`
 *	deaf N		connects N times and never reads; prints how many were let go
 *	bad		sends a frame of no known kind; prints `parted` when it is let go
 *	slow		sends one frame byte by byte
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int reach(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "console" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		perror("connect"), exit(2);
	return fd;
}

static int parted(int fd, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };

	return poll(&poll_fd, 1, ms) == 1;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[2] : "";

	if (argc < 3 || chdir(argv[1]))
		return 2;
	if (!strcmp(mode, "deaf")) {
		int count = atoi(argv[3]), fds[64], gone = 0;

		for (int i = 0; i < count; i++)
			fds[i] = reach();
		for (int i = 0; i < count; i++)
			gone += parted(fds[i], 4000);
		printf("%d\n", gone);
		return 0;
	}
	if (!strcmp(mode, "bad")) {
		int fd = reach();

		(void)!write(fd, "Z\0\1\0x", 5);
		puts(parted(fd, 2000) ? "parted" : "kept");
		return 0;
	}
	int fd = reach();
	const char frame[] = { 'D', 0, 5, 0, 'h', 'e', 'l', 'l', '\r' };
	char bytes[256];
	size_t used = 0;

	for (size_t i = 0; i < sizeof(frame); i++) {
		(void)!write(fd, frame + i, 1);
		usleep(10000);
	}
	while (used < sizeof(bytes) - 1) {
		ssize_t size = read(fd, bytes + used, sizeof(bytes) - 1 - used);

		if (size <= 0)
			return 1;
		used += (size_t)size;
		bytes[used] = 0;
		if (strstr(bytes, "got:hell"))
			return puts("echoed"), 0;
	}
	return 1;
}
