// SPDX-License-Identifier: GPL-2.0-only
/* pause: sleeps until a signal ends it. */
#include "bare.h"

#include <linux/time.h>

int bare_main(char **argv)
{
	struct timespec while_away = { 1 << 20, 0 };

	(void)argv;
	for (;;)
		bare_call(__NR_nanosleep, (long)&while_away, 0, 0, 0, 0, 0);
}
