/*
 * Makes two network namespaces, A and B, and sends the rtnetlink requests that standard input holds
 * from within B. Arguments: byte offsets at which a descriptor of A is stored before. Prints "ack
 * N" for each answer (N is 0 or a negative errno), then what /proc says of B's and of A's network.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char requests[65536];

static void show(const char *name, const char *file)
{
	char path[64];
	char line[512];
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", file);
	stream = fopen(path, "r");
	if (!stream)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), stream))
		printf("%s %s: %s", name, file, line);
	fclose(stream);
}

static int fresh(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "unshare");
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "open");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t size = 0;
	ssize_t got;
	int a = fresh();
	int fd;

	fresh();
	while ((got = read(0, requests + size, sizeof(requests) - size)) > 0)
		size += got;
	for (int i = 1; i < argc; i++)
		memcpy(requests + atoi(argv[i]), &a, sizeof(a));
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)))
		err(1, "socket");
	for (ssize_t at = 0; at < size;) {
		struct nlmsghdr *request = (struct nlmsghdr *)(requests + at);
		char answer[8192];
		struct nlmsghdr *head = (struct nlmsghdr *)answer;

		if (send(fd, request, request->nlmsg_len, 0) != request->nlmsg_len)
			err(1, "send");
		if (recv(fd, answer, sizeof(answer), 0) < 0)
			err(1, "recv");
		if (head->nlmsg_type != NLMSG_ERROR || head->nlmsg_seq != request->nlmsg_seq)
			errx(1, "an answer of type %d", head->nlmsg_type);
		printf("ack %d\n", ((struct nlmsgerr *)NLMSG_DATA(head))->error);
		at += NLMSG_ALIGN(request->nlmsg_len);
	}
	show("B", "dev");
	show("B", "if_inet6");
	show("B", "fib_trie");
	show("B", "route");
	show("B", "ipv6_route");
	if (setns(a, CLONE_NEWNET))
		err(1, "setns");
	show("A", "dev");
	return 0;
}
