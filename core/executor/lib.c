/* See lib.h. */
#include <linux/time_types.h>

#include "lib.h"
#include "sys.h"

int vs_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

const char *vs_after(const char *text, const char *prefix)
{
	for (; *prefix; prefix++, text++)
		if (*text != *prefix)
			return NULL;
	return text;
}

size_t vs_decimal(char *to, uint64_t value)
{
	char digits[VS_DECIMAL];
	size_t count = 0, length = 0;

	do
		digits[count++] = (char)('0' + value % 10);
	while (value /= 10);
	while (count)
		to[length++] = digits[--count];
	to[length] = 0;
	return length;
}

size_t vs_signed_decimal(char *to, int64_t value)
{
	if (value >= 0)
		return vs_decimal(to, (uint64_t)value);
	*to = '-';
	return 1 + vs_decimal(to + 1, -(uint64_t)value);
}

int vs_parse_decimal(const char *text, uint64_t *value)
{
	uint64_t sum = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return -EINVAL;
	}
	*value = sum;
	return 0;
}

void vs_hex(char *to, const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		*to++ = "0123456789abcdef"[from[i] >> 4];
		*to++ = "0123456789abcdef"[from[i] & 15];
	}
	*to = 0;
}

size_t vs_put(char *to, size_t used, const char *text)
{
	size_t length = strlen(text);

	memcpy(to + used, text, length + 1);
	return used + length;
}

long vs_read_full(int fd, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		long got = sys_read(fd, (uint8_t *)to + done, size - done);

		if (got == -EINTR)
			continue;
		if (got < 0)
			return got;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (long)done;
}

long vs_write_full(int fd, const void *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		long put = sys_write(fd, (const uint8_t *)from + done, size - done);

		if (put == -EINTR)
			continue;
		if (put < 0)
			return put;
		done += (size_t)put;
	}
	return 0;
}

uint64_t vs_clock_ns(int clock)
{
	struct __kernel_timespec now = { 0 };

	sys(__NR_clock_gettime, clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void vs_sleep_ns(uint64_t ns)
{
	struct __kernel_timespec pause = {
		.tv_sec = (long long)(ns / 1000000000u),
		.tv_nsec = (long long)(ns % 1000000000u),
	};

	sys(__NR_nanosleep, &pause, NULL);
}

void vs_out_bytes(struct vs_out *out, const void *from, size_t size)
{
	if (size > out->size - out->used)
		vs_flush(out);
	if (out->error)
		return;
	if (size > out->size) {
		out->error = (int)vs_write_full(out->fd, from, size);
		return;
	}
	memcpy(out->buffer + out->used, from, size);
	out->used += size;
}

void vs_out_text(struct vs_out *out, const char *text)
{
	vs_out_bytes(out, text, strlen(text));
}

void vs_out_char(struct vs_out *out, char byte)
{
	vs_out_bytes(out, &byte, 1);
}

void vs_out_decimal(struct vs_out *out, uint64_t value)
{
	char text[VS_DECIMAL];

	vs_out_bytes(out, text, vs_decimal(text, value));
}

void vs_out_padded(struct vs_out *out, const char *text, size_t width)
{
	vs_out_text(out, text);
	for (size_t used = strlen(text); used < width; used++)
		vs_out_char(out, ' ');
}

int vs_flush(struct vs_out *out)
{
	if (!out->error && out->used)
		out->error = (int)vs_write_full(out->fd, out->buffer, out->used);
	out->used = 0;
	return out->error;
}
