/* The interpreter: one op after the other until the end, exec or a failure. */
#include <linux/signal.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define MMAP_SHARED_ANONYMOUS 0x21
#define FAILED (1ull << 63)
#define IGNORED 1 /* SIG_IGN */

/* A caller may have left SIGCHLD ignored: children would vanish before WAIT and REAP saw them. */
static void notice_children(void)
{
	/* the kernel's struct sigaction: handler, flags, restorer, mask */
	uint64_t action[4] = { 0 };

	sys(__NR_rt_sigaction, SIGCHLD, NULL, action, 8);
	if (action[0] != IGNORED)
		return;
	memset(action, 0, sizeof(action));
	sys(__NR_rt_sigaction, SIGCHLD, action, NULL, 8);
}

int vs_machine_init(struct vs_machine *m)
{
	long at = (long)m->shared;

	memset(m, 0, sizeof(*m));
	notice_children();
	if (!at)
		at = sys(__NR_mmap, 0, sizeof(*m->shared), 3, MMAP_SHARED_ANONYMOUS, -1, 0);
	if (sys_failed(at))
		return (int)at;
	m->shared = (struct vs_shared *)at;
	memset(m->shared->slots, 0xff, sizeof(m->shared->slots));
	m->shared->owner = 0;
	return 0;
}

void vs_machine_load(struct vs_machine *m, void *plan)
{
	m->header = plan;
	m->programs = (const void *)(m->header + 1);
	m->ops = (const void *)(m->programs + m->header->program_count);
	m->data = (uint8_t *)plan + (m->header->size - m->header->data_size);
	m->shared->failure = 0;
	memset(m->shared->gates, 0, sizeof(m->shared->gates));
	m->child_count = 0;
}

const struct vs_program *vs_program(const struct vs_machine *m, uint32_t role)
{
	for (uint32_t i = 0; i < m->header->program_count; i++)
		if (m->programs[i].role == role)
			return &m->programs[i];
	return NULL;
}

/* One word, so that a reader in another process sees all of it or nothing. The first one stays. */
static void record_failure(struct vs_machine *m, uint32_t role, uint32_t op, uint64_t error)
{
	uint64_t none = 0;

	__atomic_compare_exchange_n(&m->shared->failure, &none,
				    FAILED | (uint64_t)role << 48 | error << 32 | op, 0,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	vs_abort_gates(m);
}

int vs_failure(const struct vs_machine *m, struct vs_failure *failure)
{
	uint64_t word = __atomic_load_n(&m->shared->failure, __ATOMIC_SEQ_CST);
	const struct vs_program *program;

	if (!word)
		return 0;
	failure->role = word >> 48 & 0xff;
	failure->error = word >> 32 & 0xffff;
	failure->op = (uint32_t)word;
	program = vs_program(m, failure->role);
	failure->step = m->ops[program->first + failure->op].step;
	failure->phrase = (char *)m->data + m->ops[program->first + failure->op].phrase;
	failure->call = failure->phrase + strlen(failure->phrase) + 1;
	return 1;
}

static uint64_t value(const struct vs_machine *m, const struct vs_op *op, int i)
{
	switch (op->kinds[i]) {
	case VS_ARG_SLOT:
		return __atomic_load_n(&m->shared->slots[op->args[i]], __ATOMIC_SEQ_CST);
	case VS_ARG_DATA:
	case VS_ARG_TEXT:
		return (uintptr_t)vs_at(m, op->args[i]);
	default:
		return op->args[i];
	}
}

static long run_syscall(const struct vs_machine *m, const struct vs_op *op)
{
	uint64_t args[6];
	long result;

	for (int i = 0; i < 6; i++)
		args[i] = value(m, op, i);
	do
		result = vs_sys6(op->nr, (long)args[0], (long)args[1], (long)args[2],
				 (long)args[3], (long)args[4], (long)args[5]);
	while (result == -EINTR && op->nr != __NR_close);
	return result;
}

static long run_op(struct vs_machine *m, const struct vs_op *op)
{
	const uint64_t *args = op->args;

	switch (op->code) {
	case VS_OP_SYSCALL:
		return run_syscall(m, op);
	case VS_OP_PUT:
		return vs_op_put(vs_at(m, args[0]), vs_length(args[0]), value(m, op, 1));
	case VS_OP_LOAD:
		return vs_op_load(vs_at(m, args[0]), vs_length(args[0]));
	case VS_OP_DECIMAL:
		return vs_op_decimal(vs_at(m, args[0]), vs_length(args[0]), value(m, op, 1));
	case VS_OP_CLONE:
		return vs_op_clone(m, op);
	case VS_OP_OPEN:
		return vs_op_open(m, (uint32_t)args[0]);
	case VS_OP_WAIT:
		return vs_op_wait(m, (uint32_t)args[0]);
	case VS_OP_NETLINK:
		return vs_op_netlink((int)value(m, op, 0), vs_at(m, args[1]), vs_length(args[1]));
	case VS_OP_CLOCK:
		return vs_op_clock(vs_at(m, args[0]), vs_length(args[0]));
	case VS_OP_EXEC:
		/* a guest must not outlive its supervisor, and from here on only the signal can end it */
		if (m->child && vs_orphaned(m))
			return -ECANCELED;
		return vs_op_exec((char *)vs_at(m, args[0]), (char **)value(m, op, 1),
				  (char **)value(m, op, 2));
	case VS_OP_REPORT: {
		uint64_t length = value(m, op, 1);

		if (length > vs_length(args[0]))
			return -ERANGE;
		return vs_op_report(m, vs_at(m, args[0]), length);
	}
	case VS_OP_REAP:
		return vs_op_reap(m, value(m, op, 0));
	case VS_OP_PRUNE:
		return vs_op_prune((int)value(m, op, 0), (char *)vs_at(m, args[1]));
	case VS_OP_SWEEP:
		return vs_op_sweep((int)value(m, op, 0), (char *)vs_at(m, args[1]));
	case VS_OP_LIST:
		return vs_op_list(m, op, (int)value(m, op, 0));
	case VS_OP_RELINK:
		return vs_op_relink(m, op, (int)value(m, op, 0), (int)value(m, op, 3));
	case VS_OP_COMPARE:
		return vs_op_compare(m, op);
	case VS_OP_SERVE:
		vs_op_serve(m, (int)value(m, op, 0), op);
	default:
		return -ENOSYS;
	}
}

static int is_ignored(const struct vs_op *op, long error)
{
	return error == -(long)op->ignore[0] || error == -(long)op->ignore[1];
}

/*
 * errno values listed in op->ignore count as success: "mkdir unless it exists" is said that way. LOAD
 * alone may give any 64-bit value, so nothing of it is an error.
 */
static int run_program(struct vs_machine *m, const struct vs_program *program)
{
	for (uint32_t i = 0; i < program->count; i++) {
		const struct vs_op *op = &m->ops[program->first + i];
		long result;

		if (__atomic_load_n(&m->shared->failure, __ATOMIC_SEQ_CST))
			return -1;
		result = run_op(m, op);
		if (sys_failed(result) && op->code != VS_OP_LOAD) {
			if (!is_ignored(op, result)) {
				record_failure(m, program->role, i, (uint64_t)-result);
				return -1;
			}
			result = 0;
		} else if (op->whole && (uint64_t)result != value(m, op, op->whole - 1)) {
			record_failure(m, program->role, i, EIO);
			return -1;
		}
		if (op->out != VS_NO_SLOT)
			__atomic_store_n(&m->shared->slots[op->out], (uint64_t)result,
					 __ATOMIC_SEQ_CST);
	}
	return __atomic_load_n(&m->shared->failure, __ATOMIC_SEQ_CST) ? -1 : 0;
}

int vs_run(struct vs_machine *m, uint32_t role)
{
	const struct vs_program *program = vs_program(m, role);

	return program ? run_program(m, program) : 0;
}

void vs_run_child(struct vs_machine *m, uint32_t role)
{
	sys_exit(vs_run(m, role) ? 1 : 0);
}
