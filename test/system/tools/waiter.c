// SPDX-License-Identifier: GPL-2.0-only
/* waiter: an init that takes its signals with sigtimedwait, and ends with 7 on SIGTERM. */
#include "bare.h"

#include <asm/signal.h>

int bare_main(char **argv)
{
	unsigned long all = ~0ul;

	(void)argv;
	bare_call(__NR_rt_sigprocmask, SIG_BLOCK, (long)&all, 0, sizeof(all), 0, 0);
	for (;;)
		if (bare_call(__NR_rt_sigtimedwait, (long)&all, 0, 0, sizeof(all), 0, 0) == SIGTERM)
			return 7;
}
