/*
 * Gates: words in the shared page that one process opens and others wait for.
 *
 * A waiter must not sleep for ever when the other side dies without a word. A process that has cloned
 * watches its children; a child is killed with its parent (the plan sets PR_SET_PDEATHSIG), sees the
 * owner's death (owner.c), and gives up after a minute in any case.
 */
#include <linux/futex.h>
#include <linux/time_types.h>
#include <linux/wait.h>

#include "lib.h"
#include "ops.h"
#include "sys.h"

#define FIRST_STEP_NS 20000000u
#define LAST_STEP_NS 320000000u
#define CHILD_WAITS_NS 60000000000u

static void set_gate(uint32_t *gate, uint32_t state)
{
	__atomic_store_n(gate, state, __ATOMIC_SEQ_CST);
	sys(__NR_futex, gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void vs_abort_gates(struct vs_machine *m)
{
	for (uint32_t i = 0; i < VS_LIMIT_GATES; i++)
		set_gate(&m->shared->gates[i], VS_GATE_ABORTED);
}

long vs_op_open(struct vs_machine *m, uint32_t number)
{
	uint32_t *gate = &m->shared->gates[number];
	uint32_t shut = VS_GATE_SHUT;

	if (!__atomic_compare_exchange_n(gate, &shut, VS_GATE_OPEN, 0, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return shut == VS_GATE_ABORTED ? -ECANCELED : 0;
	sys(__NR_futex, gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	return 0;
}

/* Can still one of our children open a gate? Not when all have ended, or one has ended badly. */
static int children_live(const struct vs_machine *m)
{
	uint32_t ended = 0;

	for (uint32_t i = 0; i < m->child_count; i++) {
		int info[32] = { 0 };
		long error = sys(__NR_waitid, P_PID, m->children[i], info,
				 WEXITED | WNOHANG | WNOWAIT | __WALL, NULL);

		/* siginfo_t: si_signo 0 when none has ended; si_status at byte 24 */
		if (error || (info[0] && info[6]))
			return 0;
		ended += !!info[0];
	}
	return ended < m->child_count;
}

long vs_op_wait(struct vs_machine *m, uint32_t number)
{
	uint32_t *gate = &m->shared->gates[number];
	uint64_t step = FIRST_STEP_NS, waited = 0;

	for (;;) {
		uint32_t state = __atomic_load_n(gate, __ATOMIC_SEQ_CST);
		struct __kernel_timespec pause = { .tv_nsec = (long long)step };
		long result;

		if (state != VS_GATE_SHUT)
			return state == VS_GATE_OPEN ? 0 : -ECANCELED;
		if (!m->child && !m->child_count)
			return -ECANCELED;
		result = sys(__NR_futex, gate, FUTEX_WAIT, VS_GATE_SHUT, &pause, NULL, 0);
		if (result != -ETIMEDOUT)
			continue;
		waited += step;
		if (m->child && vs_orphaned(m))
			return -ECANCELED;
		/* an orphan holds its parent's pipes open, and somebody waits for their end */
		if (step < LAST_STEP_NS && !(m->child && m->shared->owner))
			step *= 2;
		/* it may have opened the gate and ended after the time-out: the gate counts */
		if (__atomic_load_n(gate, __ATOMIC_SEQ_CST) != VS_GATE_SHUT)
			continue;
		if (m->child_count ? !children_live(m) : waited >= CHILD_WAITS_NS) {
			if (__atomic_load_n(gate, __ATOMIC_SEQ_CST) == VS_GATE_SHUT)
				return m->child_count ? -ECANCELED : -ETIMEDOUT;
		}
	}
}
