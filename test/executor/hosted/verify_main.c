/*
 * Says of each file named on the command line what the verifier says: "CODE OP" a line, 0 for yes.
 * The bytes lie in a block of exactly their size, so that a sanitizer sees every step over the edge.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		struct vs_refusal why;
		uint8_t *bytes;
		long size;

		if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
			return 2;
		rewind(file);
		bytes = malloc((size_t)size + !size);
		if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
			return 2;
		fclose(file);
		vs_verify(bytes, (size_t)size, &why);
		printf("%u %u\n", why.code, why.op);
		free(bytes);
	}
	return 0;
}
