/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What floors are made of: system calls and nothing else. No C library (a static glibc costs 0.4 ms
 * before main), no allocation, no checks but one: a call that fails ends the program with its line.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include "../../test/system/tools/bare.h"

#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/types.h>

#define SIGNAL_CHLD 17

static inline void floor_exit(int code)
{
	for (;;)
		bare_call(__NR_exit_group, code, 0, 0, 0, 0, 0);
}

static inline long floor_must(long result, int line)
{
	if (result < 0 && result > -4096) {
		char text[] = "floor: line 00000: errno 000\n";
		long error = -result;

		for (int i = 16, rest = line; i > 11; i--, rest /= 10)
			text[i] = (char)('0' + rest % 10);
		for (int i = 27, rest = (int)error; i > 24; i--, rest /= 10)
			text[i] = (char)('0' + rest % 10);
		bare_call(__NR_write, 2, (long)text, sizeof(text) - 1, 0, 0, 0);
		floor_exit(99);
	}
	return result;
}

#define CALL(nr, a, b, c, d, e, f)                                                            \
	floor_must(bare_call(__NR_##nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
			     (long)(f)),                                                      \
		   __LINE__)

static inline long floor_number(const char *text)
{
	long number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (*text++ - '0');
	return number;
}

#endif
