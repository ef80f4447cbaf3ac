/*
 * A pid namespace ends when the last of its processes has been reaped. The parent of an exec'd command is
 * a `vserver exec` outside; while that is stopped (^Z, or a job in the background) it reaps nothing, and
 * the guest would hang in its end for as long.
 */
#include "supervise.h"

#include <asm/stat.h>

#define SIGCONT_NR 18
#define STAT_MAX 512

/* State and parent from /proc/PID/stat: they follow the last ')'. 0 when there is no such process. */
static char look(uint64_t pid, uint64_t *parent)
{
	char text[STAT_MAX], *at = NULL, *end;
	long size = vs_proc_read(pid, "/stat", text, sizeof(text));

	for (long i = 0; i < size; i++)
		if (text[i] == ')')
			at = text + i;
	if (!at || at + 4 >= text + size)
		return 0;
	for (end = at + 4; *end && *end != ' '; end++)
		;
	*end = 0;
	return vs_parse_decimal(at + 4, parent) ? 0 : at[2];
}

static uint64_t pid_namespace(uint64_t pid)
{
	char path[6 + VS_DECIMAL + 8] = "/proc/";
	struct stat st;

	vs_put(path, 6 + vs_decimal(path + 6, pid), "/ns/pid");
	return sys(__NR_newfstatat, AT_FDCWD, path, &st, 0) ? 0 : st.st_ino;
}

/* The pidfd first: what is looked at afterwards is the process that is signalled. */
static void wake(uint64_t pid, uint64_t guest)
{
	uint64_t parent;
	int fd = (int)sys(__NR_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	if (look(pid, &parent) == 'T' && pid_namespace(pid) != guest)
		vs_signal_process(fd, SIGCONT_NR);
	sys_close(fd);
}

static int wake_parent(uint64_t pid, void *context)
{
	uint64_t parent, guest = *(uint64_t *)context;

	if (look(pid, &parent) == 'Z' && pid_namespace(pid) == guest)
		wake(parent, guest);
	return 0;
}

void vs_super_wake_parents(uint32_t init)
{
	uint64_t guest = pid_namespace(init);

	if (guest)
		vs_proc_each(wake_parent, &guest);
}
