/* The special ops. Each gives its result or -errno; the verifier has checked the arguments. */
#ifndef VS_OPS_H
#define VS_OPS_H

#include "plan.h"

/* Pointer and length of a DATA or TEXT argument. */
static inline uint8_t *vs_at(const struct vs_machine *m, uint64_t arg)
{
	return m->data + (uint32_t)arg;
}

static inline uint32_t vs_length(uint64_t arg)
{
	return (uint32_t)(arg >> 32);
}

/* ops_process.c */
long vs_op_clone(struct vs_machine *m, const struct vs_op *op);
long vs_op_exec(const char *path, char **argv, char **envp);
long vs_op_reap(struct vs_machine *m, uint64_t pid);
struct clone_args;
/* clone3 with CLONE_VM|CLONE_VFORK on the stack that args names, whatever was done to its cgroup before */
long vs_clone_sharing(struct clone_args *args, void (*entry)(void *), void *context);
/* the same on a stack that only one such child may use at a time */
long vs_clone_borrowing(struct clone_args *args, void (*entry)(void *), void *context);

/* ops_serve.c: ends the process when nobody can ask any more */
__attribute__((noreturn)) void vs_op_serve(struct vs_machine *m, int socket,
					   const struct vs_op *op);

/* ops_gate.c */
void vs_abort_gates(struct vs_machine *m);
long vs_op_open(struct vs_machine *m, uint32_t gate);
long vs_op_wait(struct vs_machine *m, uint32_t gate);

/* ops_data.c */
long vs_op_put(uint8_t *to, uint32_t width, uint64_t value);
long vs_op_load(const uint8_t *from, uint32_t width);
long vs_op_decimal(uint8_t *to, uint32_t length, uint64_t value);
long vs_op_clock(uint8_t *to, uint32_t length);
long vs_op_report(struct vs_machine *m, const uint8_t *from, uint64_t length);
long vs_op_netlink(int fd, const uint8_t *requests, uint32_t length);

/* Appends room for length bytes, which the caller fills, to the reply. */
long vs_extend_reply(struct vs_machine *m, uint64_t length, uint8_t **at);

/* ops_list.c */
long vs_op_list(struct vs_machine *m, const struct vs_op *op, int root);
/*
 * Opens a directory below root for reading: no link on the way, no mount, never above. *mount becomes
 * the id of its mount. A descriptor or -errno.
 */
long vs_open_below(int root, const char *path, uint64_t *mount);

/*
 * Inode flags and the length of the list of xattrs of an open file; both 0 where the file system has none. 0 or
 * -errno.
 */
long vs_look_closely(int fd, uint32_t *flags, uint32_t *xattr_bytes);

/* ops_compare.c */
long vs_op_compare(struct vs_machine *m, const struct vs_op *op);

/* ops_relink.c */
long vs_op_relink(struct vs_machine *m, const struct vs_op *op, int root, int store);

/* ops_tree.c */
long vs_op_prune(int dir, const char *name);
long vs_op_sweep(int dir, const char *name);

/*
 * ops_cgroup.c. The first kills all that runs in a cgroup2 directory and below it, the caller too if
 * it is there; 0 when the directory is of version 1. The second does the same on version 2; on version
 * 1 it kills what runs in this directory alone, which must have none below it, but never the caller.
 * Neither waits for the ends.
 */
int vs_kill_cgroup2(int dir);
void vs_kill_cgroup(int dir);

/* Runs a program in the child that vs_op_clone made, and ends the process. */
__attribute__((noreturn)) void vs_run_child(struct vs_machine *m, uint32_t role);

#endif
