/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs without a C library: glibc's start costs more than what they do. Compile with
 * -nostdlib -static -ffreestanding; each file that includes this is a program of its own.
 */
#ifndef BARE_H
#define BARE_H

#include <asm/unistd.h>

int bare_main(char **argv);

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tlea 8(%rsp),%rdi\n\tand $-16,%rsp\n\tcall bare_main\n"
	"\tmov %eax,%edi\n\tmov $231,%eax\n\tsyscall\n");

static inline long bare_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tadd x0,sp,#8\n\tbl bare_main\n\tmov x8,#94\n\tsvc #0\n");

static inline long bare_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#endif

#endif
