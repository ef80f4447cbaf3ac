/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PTYDRIVE_H
#define PTYDRIVE_H

#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

#define OUTPUT_MAX 262144

struct terminal {
	int master;
	/* kept open, to read the settings at the end */
	int slave;
	/* the leader reports the command's pid and later its wait status here */
	int events;
	/* closing it lets the leader go */
	int leash;
	pid_t leader;
	pid_t command;
	int ended;
	int status;
	struct termios before;
};

/* Starts the command in the foreground of a new session on a new terminal. Exits on failure. */
void open_terminal(struct terminal *terminal, const struct winsize *size, char **argv);
/* Has the command ended? Does not wait. */
int command_ended(struct terminal *terminal);
/* Prints the JSON object, ends what still runs and closes the terminal. */
void report(struct terminal *terminal, const char *failure, const char *output, size_t length);
/* Resolves escapes; gives the number of bytes. */
size_t unescape(const char *text, char *bytes, size_t room);

#endif
