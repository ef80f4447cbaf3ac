/* The executor's batch role in a program with a C library, for the sanitizers. */
#include <string.h>

#include "plan.h"

int main(int argc, char **argv)
{
	return argc == 2 && !strcmp(argv[1], "@batch") ? vs_batch() : 2;
}
