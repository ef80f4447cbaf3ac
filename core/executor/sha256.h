/* SHA-256 (FIPS 180-4), where the processor has instructions for it. */
#ifndef VS_SHA256_H
#define VS_SHA256_H

#include <stdint.h>

#define VS_SHA256_BLOCK 64

struct vs_sha256 {
	uint32_t state[8];
};

/* Can this processor do it? Nothing else may be called otherwise. */
int vs_sha256_able(void);

void vs_sha256_begin(struct vs_sha256 *sha);

/* Takes in whole blocks. */
void vs_sha256_blocks(struct vs_sha256 *sha, const uint8_t *at, uint64_t count);

/* Takes in what is left of `total` bytes, less than a block, and gives the digest. */
void vs_sha256_end(struct vs_sha256 *sha, const uint8_t *rest, uint64_t total, uint8_t digest[32]);

#endif
