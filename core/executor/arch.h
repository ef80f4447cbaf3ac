/*
 * All that depends on the processor: raw system calls, the entry point, and a clone with an own stack.
 * A system call gives back its result, or -errno.
 */
#ifndef VS_ARCH_H
#define VS_ARCH_H

#if defined(__x86_64__)

static inline long vs_sys6(long nr, long a, long b, long c, long d, long e, long f)
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

static inline long vs_sys3(long nr, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/*
 * clone3 for a child that shares our memory: it runs entry(context) on the stack that args names
 * and must not return. The parent gets the pid or -errno.
 */
static inline long vs_clone_on_stack(void *args, unsigned long size, void (*entry)(void *),
				     void *context)
{
	register void (*r8)(void *) __asm__("r8") = entry;
	register void *r9 __asm__("r9") = context;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(435L /* clone3 */), "D"(args), "S"(size), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The entry point: hands the initial stack (argc, argv, 0, envp, 0, auxv) to vs_start. */
#define VS_ENTRY                                \
	__asm__(".text\n"                       \
		".globl _start\n"               \
		".type _start, @function\n"     \
		"_start:\n\t"                   \
		"xor %ebp, %ebp\n\t"            \
		"mov %rsp, %rdi\n\t"            \
		"and $-16, %rsp\n\t"            \
		"call vs_start\n\t"             \
		"hlt\n")

#define VS_COPY(to, from, size) \
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory")
#define VS_FILL(to, byte, size) \
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory")

#else
#error "vserver's executor does not know this processor yet"
#endif

#endif
