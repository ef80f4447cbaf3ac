// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor that goes from one guest to another, and outlives the first one.
 *
 * handover take SOCKET STOP WORD: waits for a descriptor at SOCKET, says "taken"; when there is a file STOP
 * it writes WORD to it, also through a descriptor of its own that it opens by it, and says "written".
 * handover give SOCKET FILE: opens FILE for writing and sends that there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr head;
};

static int talk(int fd, int sent, bool give)
{
	union control control = { 0 };
	struct iovec data = { .iov_base = "x", .iov_len = 1 };
	char byte;
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	if (!give) {
		data.iov_base = &byte;
		if (recvmsg(fd, &message, 0) != 1 || !(head = CMSG_FIRSTHDR(&message)))
			return -1;
		memcpy(&sent, CMSG_DATA(head), sizeof(sent));
		return sent;
	}
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(sent));
	memcpy(CMSG_DATA(head), &sent, sizeof(sent));
	return (int)sendmsg(fd, &message, 0);
}

static int take(int fd, const struct sockaddr_un *place, char **argv)
{
	size_t length = strlen(argv[4]);
	char self[64];
	int held, again;

	umask(0);
	if (bind(fd, (const struct sockaddr *)place, sizeof(*place)) < 0 || listen(fd, 1) < 0)
		return perror("listen"), 1;
	held = talk(accept(fd, NULL, NULL), -1, false);
	if (held < 0)
		return perror("receive"), 1;
	puts("taken");
	fflush(stdout);
	while (access(argv[3], F_OK) < 0)
		usleep(10000);
	if (pwrite(held, argv[4], length, 0) != (ssize_t)length)
		return perror("write"), 1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", held);
	again = open(self, O_WRONLY);
	if (again >= 0 && pwrite(again, argv[4], length, length) != (ssize_t)length)
		return perror("write again"), 1;
	puts(again < 0 ? "written once" : "written");
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un place = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 4 || fd < 0)
		return 2;
	strncpy(place.sun_path, argv[2], sizeof(place.sun_path) - 1);
	if (argc == 5)
		return take(fd, &place, argv);
	if (connect(fd, (struct sockaddr *)&place, sizeof(place)) < 0)
		return perror("connect"), 1;
	return talk(fd, open(argv[3], O_RDWR), true) < 0 ? perror("send"), 1 : 0;
}
