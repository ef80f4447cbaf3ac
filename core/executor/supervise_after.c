/*
 * What comes after a guest, where vserver.yaml asks for it: `unify --auto` in the background, by the runtime
 * that lies beside the executor's copy. See PROTOCOL.md.
 */
#include "supervise.h"
#include "ops.h"

#include <asm/stat.h>
#include <linux/sched.h>
#include <linux/signal.h>

#define LOADER "/ld-linux-x86-64.so.2"
#define LOG "/var/lib/vserver/unify.log"
/* At this size the log becomes unify.log.1. */
#define LOG_BYTES (1 << 20)
/* Where the runtime expects the lock. */
#define LOCK_FD 3
#define LOWEST 19
/* IOPRIO_WHO_PROCESS; IOPRIO_CLASS_IDLE in its place */
#define IO_PROCESS 1
#define IO_IDLE (3 << 13)

struct after {
	int null, log, lock;
	/* of the runtime */
	char directory[4096];
	char loader[4200], node[4200], executor[4300], build[96];
	char root[VS_ROOT_MAX];
};

/* Whether the word is in the file: what it says there, the runtime finds out. Seldom is there a file. */
VS_LATE static int is_asked_for(const char *root)
{
	static char text[16384];
	char path[VS_ROOT_MAX + 32];
	long size;
	int fd;

	vs_put(path, vs_put(path, 0, root), "/etc/vserver/vserver.yaml");
	fd = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	size = vs_read_full(fd, text, sizeof(text));
	sys_close(fd);
	for (long at = 0; at + 4 <= size; at++)
		if (!memcmp(text + at, "auto", 4))
			return 1;
	return size == (long)sizeof(text);
}

/* Held from now on until the run begins: then all guests that end meanwhile are seen by it. */
VS_LATE static int take_turn(const char *root)
{
	char path[VS_ROOT_MAX + 32];
	int fd;

	vs_put(path, vs_put(path, 0, root), "/run/vserver/unify-next.lock");
	fd = (int)sys_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && sys(__NR_flock, fd, LOCK_EX | LOCK_NB)) {
		sys_close(fd);
		return -1;
	}
	return fd;
}

VS_LATE static int open_log(const char *root)
{
	char path[VS_ROOT_MAX + 32], old[VS_ROOT_MAX + 32];
	struct stat st;

	vs_put(path, vs_put(path, 0, root), LOG);
	vs_put(old, vs_put(old, 0, root), LOG ".1");
	if (!sys(__NR_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) && st.st_size >= LOG_BYTES)
		sys(__NR_renameat, AT_FDCWD, path, AT_FDCWD, old);
	return (int)sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* 0, or -errno. */
VS_LATE static int find_runtime(struct after *a)
{
	char id[2 * sizeof(((struct vs_state *)0)->build) + 1];
	uint8_t build[32];
	long size = sys(__NR_readlinkat, AT_FDCWD, "/proc/self/exe", a->directory, sizeof(a->directory) - 1);

	if (size < 0)
		return (int)size;
	while (size && a->directory[size - 1] != '/')
		size--;
	a->directory[size ? size - 1 : 0] = 0;
	vs_put(a->loader, vs_put(a->loader, 0, a->directory), LOADER);
	vs_put(a->node, vs_put(a->node, 0, a->directory), "/node");
	vs_put(a->executor, vs_put(a->executor, vs_put(a->executor, 0, "VSERVER_EXECUTOR="), a->directory),
	       "/executor");
	vs_own_build(build);
	vs_hex(id, build, sizeof(build));
	vs_put(a->build, vs_put(a->build, 0, "VSERVER_BUILD="), id);
	return 0;
}

VS_LATE static void complain(const struct after *a, long error)
{
	char buffer[256], name[32];
	struct vs_out out = { .fd = 2, .size = sizeof(buffer), .buffer = buffer };

	vs_out_text(&out, "vserver: Cannot unify after a guest has ended: \"");
	vs_out_text(&out, a->loader);
	vs_out_text(&out, "\" cannot be run: ");
	vs_out_text(&out, vs_errno_name((uint32_t)-error, name));
	vs_out_char(&out, '\n');
	vs_flush(&out);
}

/* On a stack of its own, in our memory, while we sleep. */
VS_LATE static void run(void *context)
{
	struct after *a = context;
	char *argv[] = { a->loader,    "--inhibit-cache", "--library-path", a->directory, "--argv0", "vserver",
			 a->node,      "--root",          a->root,          "unify",      "--auto",  NULL };
	char *envp[] = { a->executor, a->build, "VSERVER_AFTER=3", NULL };
	const int from[] = { a->null, a->log, a->log, a->lock };
	int moved[LOCK_FD + 1];

	sys(__NR_setsid);
	sys(__NR_setpriority, 0, 0, LOWEST);
	sys(__NR_ioprio_set, IO_PROCESS, 0, IO_IDLE);
	vs_mask(0);
	for (int fd = 0; fd <= LOCK_FD; fd++)
		moved[fd] = (int)sys(__NR_fcntl, from[fd], F_DUPFD, 10);
	for (int fd = 0; fd <= LOCK_FD; fd++)
		sys(__NR_dup3, moved[fd], fd, 0);
	sys(__NR_close_range, LOCK_FD + 1, ~0u, 0);
	complain(a, sys(__NR_execve, a->loader, argv, envp));
	sys_exit(1);
}

VS_LATE void vs_super_after(const struct vs_super *s)
{
	static struct after a;
	static uint8_t stack[16384] __attribute__((aligned(16)));
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)stack,
		.stack_size = sizeof(stack),
	};
	size_t length = strlen(s->run_path), tail = strlen("/run/vserver/guests/") + strlen(s->name);

	if (length < tail || length - tail >= sizeof(a.root))
		return;
	memcpy(a.root, s->run_path, length - tail);
	/* The host's own root has no text before its slash. */
	if (length == tail)
		a.root[0] = '/';
	if (!is_asked_for(a.root))
		return;
	a.lock = take_turn(a.root);
	if (a.lock < 0)
		return;
	a.log = open_log(a.root);
	a.null = (int)sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	/* A full disk, or a tree without /dev: the other one does for both. */
	if (a.log < 0)
		a.log = a.null;
	if (a.null < 0)
		a.null = a.log;
	if (a.log >= 0 && !find_runtime(&a))
		vs_clone_sharing(&args, run, &a);
}
