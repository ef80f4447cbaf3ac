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
	/* struct signalfd_siginfo; while sigtimedwait(2) waits, signals do not look blocked */
	unsigned int info[32];

	bare_call(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all), 0, 0);
	long fd = bare_call(__NR_signalfd4, -1, (long)&all, sizeof(all), 0, 0, 0);
	for (;;) {
		long count = bare_call(__NR_read, fd, (long)info, sizeof(info), 0, 0, 0);
		long signal = count > 0 ? info[0] : 0;

		if (!argv[1] && signal > 0 && signal != SIGCHLD && signal != SIGWINCH && signal != SIGCONT)
			return 0;
		while (bare_call(__NR_wait4, -1, 0, WNOHANG, 0, 0, 0) > 0)
			continue;
	}
}
