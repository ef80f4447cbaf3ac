/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VANDAL_H
#define VANDAL_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define FILE_MAX 16384

struct file {
	const char *path;
	/* What it must hold. */
	char content[FILE_MAX];
	ssize_t size;
	/* A descriptor that is kept, or -1; whether the path leads to what it has open. */
	int held;
	bool held_is_path;
};

struct deed {
	const char *name;
	void (*run)(struct file *file);
};

extern const struct deed deeds[];
extern const unsigned int deed_count;

/* A random number. */
unsigned int below(unsigned int bound);
/* Ends with a message, unless it holds. */
void check(bool holds, const char *what, const struct file *file);

#endif
