/*
 * System calls without a C library. sys(nr, ...) takes up to six integers or pointers and gives back
 * the result, or -errno: there is no errno variable.
 */
#ifndef VS_SYS_H
#define VS_SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"

/*
 * For small variables that every run writes: the page in which .data ends is written by exec itself, which
 * clears the rest of it, so they cost no page fault of their own.
 */
#define VS_HOT __attribute__((section(".data")))

/*
 * For what neither a start nor an exec runs: it lies behind all other code and the constants (late.ld), so
 * that they stay within the 64 KiB that one page fault maps.
 */
#define VS_LATE __attribute__((section(".late"), noinline))

/*
 * For tables that errors and seldom verbs alone need: at the file's end, so that all that every run reads lies
 * in its first 64 KiB, which one page fault maps.
 */
#define VS_COLD __attribute__((section(".rodata1")))

#define SYS_0(n) vs_sys3(n, 0, 0, 0)
#define SYS_1(n, a) vs_sys3(n, (long)(a), 0, 0)
#define SYS_2(n, a, b) vs_sys3(n, (long)(a), (long)(b), 0)
#define SYS_3(n, a, b, c) vs_sys3(n, (long)(a), (long)(b), (long)(c))
#define SYS_4(n, a, b, c, d) vs_sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_5(n, a, b, c, d, e) \
	vs_sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_6(n, a, b, c, d, e, f) \
	vs_sys6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS_PICK(n, a, b, c, d, e, f, name, ...) name
#define sys(...)                                                                    \
	SYS_PICK(__VA_ARGS__, SYS_6, SYS_5, SYS_4, SYS_3, SYS_2, SYS_1, SYS_0, 0)   \
	(__VA_ARGS__)

/* Is this result an error? (Addresses and large counts are not.) */
static inline int sys_failed(long result)
{
	return (unsigned long)result > -4096ul;
}

static inline long sys_read(int fd, void *to, size_t size)
{
	return sys(__NR_read, fd, to, size);
}

static inline long sys_write(int fd, const void *from, size_t size)
{
	return sys(__NR_write, fd, from, size);
}

static inline long sys_openat(int dir, const char *path, int flags, unsigned mode)
{
	return sys(__NR_openat, dir, path, flags, mode);
}

static inline long sys_close(int fd)
{
	return sys(__NR_close, fd);
}

/* mmap of private, zeroed memory; the address or -errno (test with sys_failed). */
static inline long sys_map(size_t size)
{
	/* PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE */
	return sys(__NR_mmap, 0, size, 3, 0x4022, -1, 0);
}

/* The same of a file's content; what is written stays ours. */
static inline long sys_map_file(int fd, size_t size)
{
	/* PROT_READ|PROT_WRITE, MAP_PRIVATE */
	return sys(__NR_mmap, 0, size, 3, 2, fd, 0);
}

static inline long sys_unmap(void *at, size_t size)
{
	return sys(__NR_munmap, at, size);
}

__attribute__((noreturn)) static inline void sys_exit(int code)
{
	for (;;)
		sys(__NR_exit_group, code);
}

#endif
