/*
 * A pid namespace ends when the last of its processes has been reaped. The parent of an exec'd command is
 * a `vserver exec` outside; while that is stopped (^Z, or a job in the background) it reaps nothing, and
 * the guest would hang in its end for as long.
 */
#include "supervise.h"

#include <asm/stat.h>

#define SIGCONT_NR 18
#define STAT_MAX 512

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

static size_t proc_path(char *to, const char *pid, const char *rest)
{
	size_t used = 6;

	memcpy(to, "/proc/", used);
	for (; *pid; pid++)
		to[used++] = *pid;
	for (; *rest; rest++)
		to[used++] = *rest;
	to[used] = 0;
	return used;
}

/* State and parent from /proc/PID/stat: they follow the last ')'. 0 when there is no such process. */
static char look(const char *pid, uint64_t *parent)
{
	char path[6 + VS_DECIMAL + 8], text[STAT_MAX], *at = NULL, *end;
	long size;
	int fd;

	proc_path(path, pid, "/stat");
	fd = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	size = vs_read_full(fd, text, sizeof(text) - 1);
	sys_close(fd);
	for (long i = 0; i < size; i++)
		if (text[i] == ')')
			at = text + i;
	if (!at || at + 4 >= text + size)
		return 0;
	text[size] = 0;
	for (end = at + 4; *end && *end != ' '; end++)
		;
	*end = 0;
	return vs_parse_decimal(at + 4, parent) ? 0 : at[2];
}

static uint64_t pid_namespace(const char *pid)
{
	char path[6 + VS_DECIMAL + 8];
	struct stat st;

	proc_path(path, pid, "/ns/pid");
	return sys(__NR_newfstatat, AT_FDCWD, path, &st, 0) ? 0 : st.st_ino;
}

/* The pidfd first: what is looked at afterwards is the process that is signalled. */
static void wake(uint64_t pid, uint64_t guest)
{
	char name[VS_DECIMAL];
	uint64_t parent;
	int fd = (int)sys(__NR_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	vs_decimal(name, pid);
	if (look(name, &parent) == 'T' && pid_namespace(name) != guest)
		vs_signal_process(fd, SIGCONT_NR);
	sys_close(fd);
}

void vs_super_wake_parents(uint32_t init)
{
	char name[VS_DECIMAL], buffer[1024] __attribute__((aligned(8)));
	int proc = (int)sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	uint64_t guest, parent;
	long size;

	vs_decimal(name, init);
	guest = pid_namespace(name);
	while (proc >= 0 && guest && (size = sys(__NR_getdents64, proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size;) {
			struct entry *entry = (struct entry *)(buffer + at);

			at += entry->length;
			if (*entry->name < '1' || *entry->name > '9' ||
			    look(entry->name, &parent) != 'Z' || pid_namespace(entry->name) != guest)
				continue;
			wake(parent, guest);
		}
	}
	if (proc >= 0)
		sys_close(proc);
}
