/*
 * The death of the process that runs a plan, as its children see it.
 *
 * A parent-death signal alone leaves gaps: it is not set yet right after the clone, and the kernel
 * takes it back when credentials change. A child shares its parent's descriptor table, so a child that
 * is left over would also keep every pipe of its parent's open. So the owner puts its thread id into
 * the shared page and says that the word is a robust futex: whatever ends the owner, the kernel
 * marks the word then, before it sends parent-death signals. A child that first sets the signal and
 * then sees no mark is therefore told for sure.
 */
#include <linux/futex.h>

#include "plan.h"
#include "sys.h"

static struct robust_list_head list VS_HOT;
static struct robust_list entry VS_HOT;

int vs_own(struct vs_machine *m)
{
	uint32_t *word = &m->shared->owner;

	entry.next = &list.list;
	list.list.next = &entry;
	list.futex_offset = (long)((uintptr_t)word - (uintptr_t)&entry);
	list.list_op_pending = NULL;
	__atomic_store_n(word, (uint32_t)sys(__NR_gettid), __ATOMIC_SEQ_CST);
	return (int)sys(__NR_set_robust_list, &list, sizeof(list));
}

void vs_disown(void)
{
	sys(__NR_set_robust_list, NULL, sizeof(list));
}

int vs_orphaned(const struct vs_machine *m)
{
	return (__atomic_load_n(&m->shared->owner, __ATOMIC_SEQ_CST) & FUTEX_OWNER_DIED) != 0;
}
