// SPDX-License-Identifier: GPL-2.0-only
/* rebooter: an init that reboots its guest as soon as it runs. */
#include "bare.h"

#include <linux/reboot.h>

int bare_main(char **argv)
{
	(void)argv;
	bare_call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0, 0,
		  0);
	return 1;
}
