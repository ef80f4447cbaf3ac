/* The compression function by four rounds at once: the state lies in two vectors, ABEF and CDGH. */
#include "sha256.h"
#include "lib.h"
#include "sys.h"

#if defined(__x86_64__)
#include <cpuid.h>

#define SSSE3_SSE41 ((1u << 9) | (1u << 19))
#define SHA (1u << 29)

typedef int vector __attribute__((vector_size(16)));
typedef char bytes __attribute__((vector_size(16)));

static const uint32_t constants[64] VS_COLD __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

VS_LATE int vs_sha256_able(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & SSSE3_SSE41) != SSSE3_SSE41)
		return 0;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & SHA;
}

/* The rest of the executor is made to be small. */
#ifdef __clang__
#define FAST
#else
#define FAST __attribute__((optimize("O2")))
#endif

FAST __attribute__((target("sha,ssse3,sse4.1"))) VS_LATE
void vs_sha256_blocks(struct vs_sha256 *sha, const uint8_t *at, uint64_t count)
{
	const vector *k = (const void *)constants;
	const uint32_t *s = sha->state;
	vector abef = { (int)s[5], (int)s[4], (int)s[1], (int)s[0] };
	vector cdgh = { (int)s[7], (int)s[6], (int)s[3], (int)s[2] };

	for (; count; count--, at += VS_SHA256_BLOCK) {
		const vector abef_before = abef, cdgh_before = cdgh;
		vector w[4];

#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			vector *own = &w[i & 3], *last = &w[(i + 3) & 3], sum;

			if (i < 4) {
				bytes raw;

				__builtin_memcpy(&raw, at + 16 * i, 16);
				*own = (vector)__builtin_shufflevector(raw, raw, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8,
							       15, 14, 13, 12);
			} else {
				sum = __builtin_ia32_sha256msg1(*own, w[(i + 1) & 3]) +
				      __builtin_shufflevector(w[(i + 2) & 3], *last, 1, 2, 3, 4);
				*own = __builtin_ia32_sha256msg2(sum, *last);
			}
			sum = *own + k[i];
			cdgh = __builtin_ia32_sha256rnds2(cdgh, abef, sum);
			sum = __builtin_shufflevector(sum, sum, 2, 3, 0, 1);
			abef = __builtin_ia32_sha256rnds2(abef, cdgh, sum);
		}
		abef += abef_before;
		cdgh += cdgh_before;
	}
	*sha = (struct vs_sha256){ {
		(uint32_t)abef[3], (uint32_t)abef[2], (uint32_t)cdgh[3], (uint32_t)cdgh[2],
		(uint32_t)abef[1], (uint32_t)abef[0], (uint32_t)cdgh[1], (uint32_t)cdgh[0],
	} };
}

#else

int vs_sha256_able(void)
{
	return 0;
}

void vs_sha256_blocks(struct vs_sha256 *sha, const uint8_t *at, uint64_t count)
{
	(void)sha;
	(void)at;
	(void)count;
}

#endif

static const struct vs_sha256 initial VS_COLD = { {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
} };

VS_LATE void vs_sha256_begin(struct vs_sha256 *sha)
{
	*sha = initial;
}

VS_LATE void vs_sha256_end(struct vs_sha256 *sha, const uint8_t *rest, uint64_t total, uint8_t digest[32])
{
	uint8_t last[2 * VS_SHA256_BLOCK] = { 0 };
	uint64_t length = total % VS_SHA256_BLOCK, size = length < VS_SHA256_BLOCK - 8 ? 64 : 128;
	uint64_t bits = __builtin_bswap64(8 * total);

	memcpy(last, rest, length);
	last[length] = 0x80;
	memcpy(last + size - 8, &bits, 8);
	vs_sha256_blocks(sha, last, size / VS_SHA256_BLOCK);
	for (int i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(sha->state[i]);

		memcpy(digest + 4 * i, &word, 4);
	}
}
