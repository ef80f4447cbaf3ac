/* Ops on the plan's data, the reply and netlink sockets. */
#include <linux/netlink.h>
#include <linux/time.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define RECEIVE_NOW 0x40 /* MSG_DONTWAIT */
#define NS_PER_S 1000000000u

long vs_op_put(uint8_t *to, uint32_t width, uint64_t value)
{
	memcpy(to, &value, width);
	return 0;
}

long vs_op_load(const uint8_t *from, uint32_t width)
{
	uint64_t value = 0;

	memcpy(&value, from, width);
	return (long)value;
}

long vs_op_decimal(uint8_t *to, uint32_t length, uint64_t value)
{
	char text[VS_DECIMAL];
	size_t digits = vs_decimal(text, value);

	if (digits > length)
		return -ERANGE;
	memset(to, 0, length);
	memcpy(to, text, digits);
	return 0;
}

/* The offset that makes a clock which shows `now` show 0: seconds rounded down, nanoseconds up. */
static size_t offset_line(char *to, const char *name, uint64_t now)
{
	uint64_t seconds = (now + NS_PER_S - 1) / NS_PER_S;
	size_t at = strlen(name);

	memcpy(to, name, at);
	to[at++] = ' ';
	at += vs_signed_decimal(to + at, -(int64_t)seconds);
	to[at++] = ' ';
	at += vs_decimal(to + at, seconds * NS_PER_S - now);
	to[at++] = '\n';
	return at;
}

long vs_op_clock(uint8_t *to, uint32_t length)
{
	char text[128];
	size_t size = offset_line(text, "monotonic", vs_clock_ns(CLOCK_MONOTONIC));

	size += offset_line(text + size, "boottime", vs_clock_ns(CLOCK_BOOTTIME));
	if (size > length)
		return -ERANGE;
	memcpy(to, text, size);
	return (long)size;
}

long vs_extend_reply(struct vs_machine *m, uint64_t length, uint8_t **at)
{
	struct vs_reply *reply = m->reply;

	if (!reply)
		return -EOPNOTSUPP;
	if (length > reply->size - reply->used)
		return -ENOBUFS;
	*at = reply->at + reply->used;
	reply->used += length;
	return 0;
}

long vs_op_report(struct vs_machine *m, const uint8_t *from, uint64_t length)
{
	uint8_t *at;
	long error = vs_extend_reply(m, length, &at);

	if (!error)
		memcpy(at, from, length);
	return error;
}

static uint32_t count_acks(const uint8_t *at, uint32_t left)
{
	uint32_t acks = 0;

	while (left >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr message;
		uint32_t step;

		memcpy(&message, at, sizeof(message));
		/* a PUT may have changed what the verifier saw */
		if (message.nlmsg_len < sizeof(message) || message.nlmsg_len > left)
			break;
		acks += !!(message.nlmsg_flags & NLM_F_ACK);
		step = NLMSG_ALIGN(message.nlmsg_len);
		step = step > left ? left : step;
		at += step;
		left -= step;
	}
	return acks;
}

/*
 * Goes through the messages of one datagram: counts acknowledgements down, and gives back the first
 * error. What is not an acknowledgement (an echoed object, a notification) is passed over.
 */
static long take_acks(const uint8_t *at, uint32_t left, uint32_t *expected)
{
	while (left >= sizeof(struct nlmsghdr)) {
		struct nlmsgerr body;
		struct nlmsghdr message;
		uint32_t step;

		memcpy(&message, at, sizeof(message));
		if (message.nlmsg_len < sizeof(message))
			return -EBADMSG;
		if (message.nlmsg_type == NLMSG_ERROR && left >= sizeof(message) + sizeof(body)) {
			memcpy(&body, at + sizeof(message), sizeof(body));
			if (body.error)
				return body.error;
			if (*expected)
				--*expected;
		}
		step = NLMSG_ALIGN(message.nlmsg_len);
		if (step >= left)
			break;
		at += step;
		left -= step;
	}
	return 0;
}

/*
 * The kernel handles requests within sendto(2), so every answer is there when it returns: none is
 * waited for, and after an error the others are thrown away, so that the socket can be used again.
 */
long vs_op_netlink(int fd, const uint8_t *requests, uint32_t length)
{
	uint32_t expected = count_acks(requests, length);
	uint8_t answer[4096] __attribute__((aligned(8)));
	long error = 0, result;

	do
		result = sys(__NR_sendto, fd, requests, length, 0, NULL, 0);
	while (result == -EINTR);
	if (result < 0)
		return result;
	while (expected || error) {
		result = sys(__NR_recvfrom, fd, answer, sizeof(answer), RECEIVE_NOW, NULL, NULL);
		if (result == -EINTR || (error && result >= 0))
			continue;
		if (result < 0)
			return error ? error : result == -EAGAIN ? -EPROTO : result;
		error = take_acks(answer, (uint32_t)result, &expected);
	}
	return 0;
}
