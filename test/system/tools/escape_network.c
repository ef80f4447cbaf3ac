// SPDX-License-Identifier: GPL-2.0-only
/* Probes against sockets and links of the host. */
#include "escape.h"

#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int abstract_socket(const struct probe *probe)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t length = strlen(host.socket);

	(void)probe;
	if (fd < 0)
		return errno;
	memcpy(address.sun_path + 1, host.socket, length);
	return failed(connect(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
}

static int tcp(const struct probe *probe)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)host.port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return errno;
	inet_pton(AF_INET, probe->path, &address.sin_addr);
	return failed(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

/* With network mode `none` there is a loopback and nothing else. */
static int other_links(const struct probe *probe)
{
	struct if_nameindex *links = if_nameindex();

	(void)probe;
	if (!links)
		return errno;
	for (int i = 0; links[i].if_index; i++)
		if (strcmp(links[i].if_name, "lo") != 0)
			return 0;
	return CONTAINED;
}

static int make_socket(const struct probe *probe)
{
	return failed(socket((int)(probe->flags >> 16), SOCK_STREAM, (int)(probe->flags & 0xffff)));
}

/* What a raw socket hears are the frames of the guest's own loopback. */
static int packets(const struct probe *probe)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
	char frame[64];

	(void)probe;
	if (fd < 0)
		return errno;
	ssize_t count = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);
	return count < 0 && errno == EAGAIN ? CONTAINED : 0;
}

static int netlink(const struct probe *probe)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} request = { { sizeof(request), AUDIT_SET, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		      { .mask = AUDIT_STATUS_ENABLED } };
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[256];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, (int)probe->flags);

	if (fd < 0)
		return errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return errno;
	if (recv(fd, &answer, sizeof(answer), MSG_DONTWAIT) < 0)
		return errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
}

/* The connector tells of every fork and exec on the host to whoever may listen. */
static int process_events(const struct probe *probe)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr head;
		struct cn_msg message;
		enum proc_cn_mcast_op op;
	} __attribute__((packed)) request = { { sizeof(request), NLMSG_DONE, 0, 1, 0 },
					      { { CN_IDX_PROC, CN_VAL_PROC }, 0, 0, sizeof(request.op), 0 },
					      PROC_CN_MCAST_LISTEN };
	char answer[256];
	int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_CONNECTOR);

	(void)probe;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return errno;
	if (fork() == 0)
		_exit(0);
	usleep(20000);
	ssize_t count = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	return count < 0 && errno == EAGAIN ? CONTAINED : failed(count);
}

/* Bringing a tunnel device to life needs the host's node, which the guest has not. */
static int tunnel(const struct probe *probe)
{
	return failed(open(probe->path, O_RDWR));
}

const struct probe network_probes[] = {
	{ "net.abstract-socket", abstract_socket, 0, 0, 0 },
	{ "net.loopback-of-host", tcp, "127.0.0.1", 0, 0 },
	{ "net.outside", tcp, "192.0.2.1", 0, 0 },
	{ "net.links", other_links, 0, 0, 0 },
	{ "net.packets", packets, 0, 0, 0 },
	{ "net.vsock", make_socket, 0, 0, (unsigned long)AF_VSOCK << 16 },
	{ "net.audit", netlink, 0, 0, NETLINK_AUDIT },
	{ "net.process-events", process_events, 0, 0, 0 },
	{ "net.tun", tunnel, "/dev/net/tun", 0, 0 },
	{ "net.core-sysctl", try_write, "/proc/sys/net/core/bpf_jit_enable", "0", 0 },
	{ 0, 0, 0, 0, 0 },
};
