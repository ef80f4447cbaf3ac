/* Processes, as /proc and pidfds show them. */
#ifndef VS_PROCESS_H
#define VS_PROCESS_H

#include <stddef.h>
#include <stdint.h>

/*
 * proc.c: reads /proc/PID<file> into `to`, which ends with a NUL: the size without it, or -errno. `file` starts
 * with a slash, and has at most 15 bytes.
 */
long vs_proc_read(uint64_t pid, const char *file, char *to, size_t room);
/* Visits every process until a visit gives something else than 0, which is given back; 0 or -errno else. */
int vs_proc_each(int (*visit)(uint64_t pid, void *context), void *context);

/* process.c: processes told apart from later ones of the same pid */
struct vs_identity {
	uint32_t pid;
	uint64_t ino;
	uint64_t start;
};
int vs_identify(struct vs_identity *id, int pidfd);
/* A pidfd of exactly this process, -ESRCH when it is gone (a zombie counts as there), or -errno. */
int vs_open_process(const struct vs_identity *id);
/* Has the process ended (a zombie has)? Waits up to ms, -1 for ever. */
int vs_ended(int pidfd, int ms);
int vs_signal_process(int pidfd, int signal);
/* The id of this boot: 0 or -errno. */
int vs_boot_id(uint8_t id[16]);

/* pidfd.c: the wait status of a process that is not our child, once it has ended; or -errno */
int vs_pidfd_status(int pidfd);
/* Waits for that. */
int vs_pidfd_wait(int pidfd);

#endif
