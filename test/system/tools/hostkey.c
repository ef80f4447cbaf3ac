// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostkey DESCRIPTION FD... -- COMMAND...: runs a command with a new session keyring that holds a user
 * key, and with "/" open on the given descriptors: what a careless caller hands to vserver.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int at = 2;

	if (argc < 4)
		return 2;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return perror("keyctl"), 2;
	if (syscall(SYS_add_key, "user", argv[1], "secret", 6L, KEY_SPEC_SESSION_KEYRING) < 0)
		return perror("add_key"), 2;
	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		int fd = open("/", O_RDONLY | O_DIRECTORY);
		if (fd < 0 || dup2(fd, atoi(argv[at])) < 0)
			return perror("dup2"), 2;
	}
	execvp(argv[at + 1], argv + at + 1);
	return perror("execvp"), 127;
}
