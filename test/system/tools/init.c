// SPDX-License-Identifier: GPL-2.0-only
/*
 * init: the smallest one that reaps its children and stops when it is asked to, by whatever signal.
 * With an argument it hears of signals and does not stop.
 */
#include "bare.h"

#include <linux/signal.h>
#include <linux/wait.h>

int bare_main(char **argv)
{
	unsigned long all = ~0ul;
	struct siginfo info;

	bare_call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all), 0, 0);
	for (;;) {
		long signal = bare_call(__NR_rt_sigtimedwait, (long)&all, (long)&info, 0, sizeof(all), 0, 0);

		if (!argv[1] && signal > 0 && signal != SIGCHLD && signal != SIGWINCH && signal != SIGCONT)
			return 0;
		while (bare_call(__NR_wait4, -1, 0, WNOHANG, 0, 0, 0) > 0)
			continue;
	}
}
