/*
 * Plans: verify one, then run programs of it.
 *
 *	struct vs_machine m = { 0 };
 *	vs_machine_init(&m);                      once a process
 *	if (vs_verify(plan, size, &why)) ...      every plan
 *	vs_machine_load(&m, plan);
 *	m.shared->slots[VS_SLOT_RUN_DIR] = fd;
 *	if (vs_run(&m, VS_ROLE_HOST)) vs_failure(&m, &failure), vs_abandon(&m);
 *
 * The plan's memory must be writable (ops store into its data), 8-byte aligned, and stay where it is
 * while the plan is loaded. The layout is in abi.h.
 */
#ifndef VS_PLAN_H
#define VS_PLAN_H

#include "abi.h"

/* Why and where (index in the plan's ops; 0 when the reason lies before them) a plan was refused. */
struct vs_refusal {
	uint32_t code;
	uint32_t op;
};

/*
 * Checks the whole plan: everything that vs_run relies on. Safe on any bytes. 0, or -1 with *why
 * filled. Changes nothing, keeps nothing.
 */
int vs_verify(const void *plan, size_t size, struct vs_refusal *why);

/* States of a gate. */
#define VS_GATE_SHUT 0u
#define VS_GATE_OPEN 1u
#define VS_GATE_ABORTED 2u

/*
 * A shared page: processes that CLONE made see the same one. `failure` is 0 until the first op of
 * any of them fails (see vs_failure for its parts).
 */
struct vs_shared {
	uint64_t slots[VS_LIMIT_SLOTS];
	uint32_t gates[VS_LIMIT_GATES];
	uint64_t failure;
	/* thread id of the process that runs the plan (see vs_own); 0: nobody watches for its death */
	uint32_t owner;
};

/* Where REPORT puts bytes. The caller owns the memory; when it is full, REPORT fails with ENOBUFS. */
struct vs_reply {
	uint8_t *at;
	size_t used;
	size_t size;
};

/* Children of one plan that can be watched and abandoned. CLONE fails with EAGAIN beyond. */
#define VS_CHILDREN 16

struct vs_machine {
	const struct vs_header *header;
	const struct vs_program *programs;
	const struct vs_op *ops;
	uint8_t *data;
	struct vs_shared *shared;
	/* NULL: REPORT fails with ENOTSUP, as it does in a child that does not share memory. */
	struct vs_reply *reply;
	/* Children made by CLONE and not yet seen by REAP. */
	uint32_t child_count;
	int32_t children[VS_CHILDREN];
	/* Are we a child made by CLONE (1), and on the borrowed stack (2)? */
	uint32_t child;
};

/*
 * Maps the shared page, unless `shared` is one already (NULL: none yet); slots are 2^64-1. 0 or -errno. No
 * plan is loaded yet. Where SIGCHLD is ignored
 * (callers leave it so at times), it gets its default back.
 */
int vs_machine_init(struct vs_machine *m);

/*
 * Children of this process, made by programs of this machine, end when it dies: at a gate, and at the
 * latest before they exec. To be taken back with vs_disown before the shared page is unmapped. One
 * machine a process. 0 or -errno.
 */
int vs_own(struct vs_machine *m);
void vs_disown(void);

/* Has the owner died? */
int vs_orphaned(const struct vs_machine *m);

/* Takes a verified plan: clears failure, gates and the list of children. Slots keep their values. */
void vs_machine_load(struct vs_machine *m, void *plan);

/* The program of this role, or NULL. */
const struct vs_program *vs_program(const struct vs_machine *m, uint32_t role);

/*
 * Runs the program of this role (which the plan must have; an absent one does nothing) until its
 * end or the first failure, of its own or of a process that it cloned. 0 or -1; vs_failure then
 * says what failed. Returns only in the calling process: children end with _exit (0, or 1 after a
 * failure) or exec.
 *
 * After a failure children may still live, and zombies may be left: the caller kills and reaps
 * them, through the slots in which the plan kept their pids or pidfds, or all with vs_abandon.
 *
 * System calls that fail with EINTR are made again (but close, which has then closed).
 */
int vs_run(struct vs_machine *m, uint32_t role);

/* What failed first, in any process of the plan. The texts lie in the plan. */
struct vs_failure {
	uint32_t role;
	/* index within the program of this role */
	uint32_t op;
	/* positive errno */
	uint32_t error;
	uint32_t step;
	const char *phrase;
	const char *call;
};

/* 1 and *failure filled when something failed since the plan was loaded, 0 otherwise. */
int vs_failure(const struct vs_machine *m, struct vs_failure *failure);

/* Kills and reaps every child of CLONE that was not reaped by REAP or by other means. */
void vs_abandon(struct vs_machine *m);

/* 16 bytes "VSERVER-BUILD-ID" and the 32 bytes that the build patches in; section .build. */
struct vs_build {
	char marker[16];
	uint8_t id[32];
};
extern const struct vs_build vs_build;

/*
 * Drops the mapped pages of the program's code and sees to it that they come back one by one. For a
 * process that is about to sleep for long (the supervisor, once the guest runs); costs some 10 us.
 */
void vs_shed_text(void);

/* The role @batch: answers plans from descriptor 0 on descriptor 1 until the end. An exit code. */
int vs_batch(void);

#endif
