/* SPDX-License-Identifier: GPL-2.0-only */
/* clone3 of a child on a stack of its own, which runs a function that does not return. */
#ifndef FLOOR_CLONE_H
#define FLOOR_CLONE_H

#include "floor.h"

static unsigned char floor_stack[16384] __attribute__((aligned(16)));

static inline long floor_vfork(struct clone_args *args, void (*child)(void *), void *context)
{
	long result;

	args->flags |= CLONE_VM | CLONE_VFORK;
	args->exit_signal = SIGNAL_CHLD;
	args->stack = (unsigned long)floor_stack;
	args->stack_size = sizeof(floor_stack);
#if defined(__x86_64__)
	__asm__ volatile("mov %[child],%%r12\n\tmov %[context],%%r13\n\tsyscall\n\ttest %%rax,%%rax\n\tjnz 1f\n\t"
			 "xor %%ebp,%%ebp\n\tmov %%r13,%%rdi\n\tcall *%%r12\n\tud2\n1:"
			 : "=a"(result)
			 : "a"(__NR_clone3), "D"(args), "S"(sizeof(*args)), [child] "r"(child),
			   [context] "r"(context)
			 : "rcx", "r11", "r12", "r13", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = __NR_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = sizeof(*args);
	register void *x9 __asm__("x9") = child;
	register void *x10 __asm__("x10") = context;

	__asm__ volatile("svc #0\n\tcbnz x0,1f\n\tmov x0,x10\n\tblr x9\n\tbrk #1\n1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x9), "r"(x10)
			 : "memory");
	result = x0;
#endif
	return result;
}

#endif
