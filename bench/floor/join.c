// SPDX-License-Identifier: GPL-2.0-only
/* join NAMESPACE COMMAND...: joins a mount namespace and becomes the command. For crun on hybrid hosts. */
#include "floor.h"

int bare_main(char **argv)
{
	long fd = CALL(openat, AT_FDCWD, argv[1], O_RDONLY, 0, 0, 0);
	char **environment = argv;

	while (*environment)
		environment++;
	CALL(setns, fd, CLONE_NEWNS, 0, 0, 0, 0);
	CALL(close, fd, 0, 0, 0, 0, 0);
	CALL(execve, argv[2], argv + 2, environment + 1, 0, 0, 0);
	return 127;
}
