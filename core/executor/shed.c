/*
 * A resident process needs few pages of its own code, but the kernel maps sixteen at a fault where the
 * page cache has them, and all of them count as its memory. It does so only within one mapping:
 * different advice for every other page makes each page a mapping of its own.
 */
#include <linux/mman.h>

#include "plan.h"
#include "sys.h"

#define PAGE 4096ul

extern const char __executable_start[], __etext[];

void vs_shed_text(void)
{
	unsigned long start = (unsigned long)__executable_start & -PAGE;
	unsigned long end = ((unsigned long)__etext + PAGE - 1) & -PAGE;

	for (unsigned long at = start; at < end; at += 2 * PAGE)
		sys(__NR_madvise, at, PAGE, MADV_RANDOM);
	sys(__NR_madvise, start, end - start, MADV_DONTNEED);
}
