/* Entry point, and the place where the build writes its id. Left out of hosted builds. */
#include "plan.h"
#include "sys.h"

VS_ENTRY;

int main(int argc, char **argv, char **envp);
__attribute__((noreturn, used)) void vs_start(long *stack);

const struct vs_build vs_build __attribute__((section(".build"), used, aligned(16))) = {
	.marker = { 'V', 'S', 'E', 'R', 'V', 'E', 'R', '-', 'B', 'U', 'I', 'L', 'D', '-', 'I', 'D' },
};

void vs_start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);

	sys_exit(main(argc, argv, argv + argc + 1));
}
