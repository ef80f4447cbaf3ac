/* What the C library would give under the same names. Left out of hosted (sanitized) builds. */
#include "lib.h"
#include "sys.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *at = to;

	VS_COPY(at, from, size);
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *at = to;

	VS_FILL(at, byte, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	if ((uintptr_t)target - (uintptr_t)source >= size)
		return memcpy(to, from, size);
	while (size--)
		target[size] = source[size];
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *left = a, *right = b;

	for (size_t i = 0; i < size; i++)
		if (left[i] != right[i])
			return left[i] - right[i];
	return 0;
}

void *memchr(const void *in, int byte, size_t size)
{
	const uint8_t *at = in;

	for (; size; size--, at++)
		if (*at == (uint8_t)byte)
			return (void *)(uintptr_t)at;
	return NULL;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (uint8_t)*a - (uint8_t)*b;
}

char *strchr(const char *text, int byte)
{
	for (;; text++) {
		if (*text == (char)byte)
			return (char *)(uintptr_t)text;
		if (!*text)
			return NULL;
	}
}
