/* Signal dispositions and masks. */
#include "front.h"

/* The kernel's struct sigaction of x86-64 and aarch64 (the latter ignores restorer). */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define SA_SIGINFO_FLAG 0x4ul
#define SA_RESTORER_FLAG 0x04000000ul

#if defined(__x86_64__)
void vs_restore(void);
__asm__(".text\n.globl vs_restore\n.type vs_restore, @function\nvs_restore:\n\tmov $15, %eax\n\tsyscall\n");
#define RESTORER vs_restore
#define RESTORER_FLAG SA_RESTORER_FLAG
#else
#define RESTORER NULL
#define RESTORER_FLAG 0
#endif

static void set(int signal, void *handler, unsigned long flags)
{
	struct kernel_sigaction action = {
		.handler = handler,
		.flags = flags | RESTORER_FLAG,
		.restorer = RESTORER,
	};

	sys(__NR_rt_sigaction, signal, &action, 0, 8);
}

void vs_handle(int signal, vs_handler *handler, unsigned flags)
{
	set(signal, (void *)handler, SA_SIGINFO_FLAG | flags);
}

void vs_default(int signal)
{
	set(signal, NULL, 0);
}

void vs_mask(uint64_t mask)
{
	/* SIG_SETMASK */
	sys(__NR_rt_sigprocmask, 2, &mask, 0, 8);
}

volatile int vs_interrupted VS_HOT;

static void interrupt(int signal, void *info, void *context)
{
	(void)info, (void)context;
	vs_interrupted = signal;
}

void vs_catch_interrupts(void)
{
	vs_handle(1, interrupt, 0);
	vs_handle(2, interrupt, 0);
	vs_handle(15, interrupt, 0);
}
