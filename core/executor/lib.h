/* What a C library would have given: strings, decimals, and a buffered writer. */
#ifndef VS_LIB_H
#define VS_LIB_H

#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *in, int byte, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
char *strchr(const char *text, int byte);

/* Are the two texts equal? */
int vs_equal(const char *a, const char *b);

/* Is it one of the two names that every directory has, `.` and `..`? */
static inline int vs_is_self_or_up(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Puts text and a NUL behind the first `used` bytes; their number then, without the NUL. */
size_t vs_put(char *to, size_t used, const char *text);

/* The rest of text after prefix, or NULL when it does not start so. */
const char *vs_after(const char *text, const char *prefix);

/* Longest text of a 64-bit decimal, with sign and NUL. */
#define VS_DECIMAL 22

/* Writes value in decimal with a NUL; the length without it. `to` has room for VS_DECIMAL bytes. */
size_t vs_decimal(char *to, uint64_t value);
size_t vs_signed_decimal(char *to, int64_t value);

/*
 * Parses decimal digits up to the end of the text: 0, or -EINVAL for an empty text, other characters
 * or more than 2^64-1.
 */
int vs_parse_decimal(const char *text, uint64_t *value);

/* Writes size bytes of 2 lower-case hex digits each, and a NUL. */
void vs_hex(char *to, const uint8_t *from, size_t size);

/* read(2) until size bytes or the end; the number of bytes, or -errno. EINTR is retried. */
long vs_read_full(int fd, void *to, size_t size);

/* write(2) until everything is out; 0 or -errno. EINTR is retried. */
long vs_write_full(int fd, const void *from, size_t size);

/* CLOCK_* in nanoseconds. */
uint64_t vs_clock_ns(int clock);

/* Sleeps; may return early when a signal comes. */
void vs_sleep_ns(uint64_t ns);

/*
 * A buffered writer. The caller owns buffer; the first error is kept, and everything after it thrown
 * away. vs_flush gives 0 or that error (-errno).
 */
struct vs_out {
	int fd;
	int error;
	size_t used;
	size_t size;
	char *buffer;
};

void vs_out_bytes(struct vs_out *out, const void *from, size_t size);
void vs_out_text(struct vs_out *out, const char *text);
void vs_out_char(struct vs_out *out, char byte);
void vs_out_decimal(struct vs_out *out, uint64_t value);
/* text, then spaces up to width bytes */
void vs_out_padded(struct vs_out *out, const char *text, size_t width);
int vs_flush(struct vs_out *out);

#endif
