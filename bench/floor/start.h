/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the generated start program stands on: slots and gates in a shared page, and those ops that are
 * more than one system call, taken from the executor itself (core/executor/ops_*.c).
 */
#ifndef FLOOR_START_H
#define FLOOR_START_H

#include "clone.h"

#include <linux/futex.h>
#include <linux/mman.h>
#include <stddef.h>
#include <stdint.h>

long vs_op_decimal(uint8_t *to, uint32_t length, uint64_t value);
long vs_op_clock(uint8_t *to, uint32_t length);
long vs_op_prune(int dir, const char *name);
long vs_op_sweep(int dir, const char *name);

struct shared {
	unsigned long slots[64];
	unsigned int gates[16];
};

static struct shared *shared;
#define S (shared->slots)
#define G (shared->gates)

static inline void floor_share(void)
{
	shared = (struct shared *)CALL(mmap, 0, sizeof(*shared), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 64; i++)
		S[i] = ~0ul;
}

static inline long floor_check(long result, int first, int second, int line)
{
	if (result < 0 && result > -4096 && (result == -first || result == -second))
		return 0;
	return floor_must(result, line);
}

__attribute__((unused)) static long floor_open(unsigned int *gate)
{
	__atomic_store_n(gate, 1, __ATOMIC_SEQ_CST);
	return bare_call(__NR_futex, (long)gate, FUTEX_WAKE, 1 << 30, 0, 0, 0) < 0;
}

__attribute__((unused)) static long floor_wait(unsigned int *gate)
{
	while (!__atomic_load_n(gate, __ATOMIC_SEQ_CST))
		bare_call(__NR_futex, (long)gate, FUTEX_WAIT, 0, 0, 0, 0);
	return 0;
}

/* One datagram for each acknowledgement; an error in one of them is not looked for. */
__attribute__((unused)) static long floor_netlink(unsigned long fd, void *requests, long length, int acks)
{
	unsigned char answer[4096];
	long result = bare_call(__NR_sendto, (long)fd, (long)requests, length, 0, 0, 0);

	for (int i = 0; i < acks && result >= 0; i++)
		result = bare_call(__NR_recvfrom, (long)fd, (long)answer, sizeof(answer), 0, 0, 0);
	return result;
}

#endif
