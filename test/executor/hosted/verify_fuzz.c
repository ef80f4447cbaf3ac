/* libFuzzer target: the verifier must survive any bytes, and must not change them. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* an aligned block of exactly this size, as the verifier is promised */
	uint8_t *copy = malloc(size + !size);
	struct vs_refusal why;
	int refused;

	if (!copy)
		return -1;
	memcpy(copy, data, size);
	refused = vs_verify(copy, size, &why);
	if (!refused != !why.code || memcmp(copy, data, size))
		abort();
	free(copy);
	return 0;
}
