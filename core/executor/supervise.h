/* The supervisor: one process a guest. What its files share. */
#ifndef VS_SUPERVISE_H
#define VS_SUPERVISE_H

#include "front.h"

#define VS_CLIENTS 4
#define VS_CHUNK 4096

/* A terminal attached to the console: see PROTOCOL.md. */
struct vs_client {
	int fd;
	uint8_t head[4];
	uint32_t have;
	uint32_t left;
	uint8_t size[4];
};

struct vs_super {
	char **argv;
	const char *run_path, *guest_path, *name;
	int run, lib;
	/* where frames go; -1 when nobody listens any more */
	int report;
	int kept_fd;
	/* start.kept, mapped (`at`) or not */
	struct vs_keptfile kept;
	uint32_t stop_signal;
	uint64_t stop_ms;
	/* as we were born: HOST may change all of them */
	int root, mounts, time;
	uint64_t mounts_ino;
	struct vs_machine machine;
	struct vs_state state;
	/* of the guest */
	int init, master, peer, notify;
	int status, ended;
	/* ms of the boot-time clock; 0: not stopping */
	uint64_t kill_at;
	int stopping;
	/* by `kill`, which asks nobody */
	int killed;
	/* Init has been sent SIGKILL. */
	int ending;
	/* console */
	int listen, log;
	uint64_t log_size;
	/* the master refused: not before this time again */
	uint64_t master_at;
	struct vs_client clients[VS_CLIENTS];
	uint32_t typed_at, typed;
	uint8_t typing[512];
	/* ms of the boot-time clock: no other forker before */
	uint64_t forker_at;
	/* this kernel lacks what it takes */
	int no_forker;
	/* something has run since the code was dropped */
	int fat;
	/* reboots: how many within one window, and when it began */
	uint64_t window_ms;
	uint32_t window_count;
};

extern struct vs_super vs_super;

/* supervise_state.c */
int vs_super_write_state(struct vs_super *s);
int vs_super_first_state(struct vs_super *s);
void vs_super_frame(struct vs_super *s, uint32_t kind, uint32_t status);
void vs_super_failed(struct vs_super *s, const struct vs_failure *failure);

/* supervise_life.c: HOST and what comes before it; the end */
int vs_super_boot(struct vs_super *s);
/* 0, or -errno: something is left, and so is the record */
int vs_super_tear_down(struct vs_super *s);
void vs_super_own_rights(struct vs_super *s);
/* Gives back the memory that only HOST, TEARDOWN and the way between them need. */
void vs_super_slim(struct vs_super *s);

/* supervise_loop.c: until init has ended; then its wait status */
int vs_super_watch(struct vs_super *s);
extern volatile int vs_super_stop;
extern volatile int64_t vs_super_stop_ms;
/* Sleeps, but for a stop. */
void vs_super_pause(uint64_t ms);

/* supervise_after.c: what the host's configuration wants when a guest has ended for good */
void vs_super_after(const struct vs_super *s);

/* supervise_forker.c */
extern volatile int vs_super_forker_wanted;
void vs_super_forker(struct vs_super *s);
void vs_super_forker_drop(struct vs_super *s);

/* console.c */
int vs_console_listen(struct vs_super *s);
void vs_console_open(struct vs_super *s);
void vs_console_output(struct vs_super *s);
void vs_console_accept(struct vs_super *s);
void vs_console_input(struct vs_super *s, struct vs_client *client);
void vs_console_type(struct vs_super *s);
void vs_console_close(struct vs_super *s);

/*
 * supervise_wake.c: continues the stopped processes outside of the guest that have a zombie of the guest
 * to reap.
 */
void vs_super_wake_parents(uint32_t init);

#endif
