/* SPDX-License-Identifier: GPL-2.0-only */
/* A stream of bytes that both ends can make from a seed, so that nothing has to be kept to compare. */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct stream {
	uint64_t state;
	uint64_t word;
	unsigned int left;
};

static inline void stream_start(struct stream *stream, uint64_t seed)
{
	*stream = (struct stream){ .state = seed * 2654435769u + 1 };
}

/* xorshift64: every byte value appears, in no order that a line discipline could leave alone. */
static inline void stream_next(struct stream *stream, unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (stream->left == 0) {
			stream->state ^= stream->state << 13;
			stream->state ^= stream->state >> 7;
			stream->state ^= stream->state << 17;
			stream->word = stream->state;
			stream->left = 8;
		}
		bytes[i] = (unsigned char)stream->word;
		stream->word >>= 8;
		stream->left--;
	}
}

#endif
