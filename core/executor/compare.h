/* A file that COMPARE reads. */
#ifndef VS_COMPARE_H
#define VS_COMPARE_H

#include "plan.h"
#include "sha256.h"

struct vs_member {
	struct vs_compare_result result;
	struct vs_sha256 sha;
	/* has room for a byte more than a block */
	uint8_t *block;
	/* -1 when it is not read any further */
	int fd;
};

/* Opens the file that the entry at `at` tells of, and begins its result; flags are those of the op. */
void vs_member_open(struct vs_member *member, const uint8_t *at, uint64_t flags);
void vs_member_close(struct vs_member *member);

/*
 * Reads a block. At the file's end one byte more is asked for: there must be none. 0 or -errno, -ESTALE when the
 * file has another size.
 */
long vs_member_read(const struct vs_compare_head *head, const struct vs_member *member, uint64_t at,
		    uint64_t length);

#endif
