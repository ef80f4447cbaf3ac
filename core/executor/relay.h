/* Terminals: raw mode, the guest's pty, and carrying bytes between them and a command. */
#ifndef VS_RELAY_H
#define VS_RELAY_H

#include "front.h"

#include <asm/termbits.h>
#include <asm/termios.h>

/* terminal.c: the caller's terminal. One a process; restore may be called any number of times. */
int vs_is_terminal(int fd);
void vs_terminal_raw(int fd);
void vs_terminal_restore(void);
/* After the terminal may have been changed by others: raw again, if it was raw. */
void vs_terminal_again(void);
/* Copies the size of one terminal to another. */
void vs_terminal_copy_size(int from, int to);

/* pty.c: a terminal of the guest's devpts, which the supervisor keeps open. */
/* Its slave belongs to the guest's root. */
struct vs_pty {
	int master;
	int slave;
};
/* 0 or -errno; *call names what failed */
int vs_pty_open(struct vs_pty *pty, int supervisor, const struct vs_state *state, const char **call);

/* relay.c */
#define VS_LANES 3
#define VS_LANE_BYTES 16384

/* Bytes from one descriptor to another, in a bounded buffer. -1: closed. */
struct vs_lane {
	int from, to;
	size_t at, used;
	/* to the guest (these end with the command), or from it */
	int inwards;
	uint8_t bytes[VS_LANE_BYTES];
};

struct vs_relay {
	struct vs_lane lanes[VS_LANES];
	int lane_count;
	/* the command: a child that is not reaped, or pid 0, and its pidfd says all */
	int pid, pidfd;
	int status;
	/* the pty's master, -1 without one; it is in two lanes */
	int master;
	/* the terminal whose size the pty follows, -1: none */
	int sized;
	/* the last byte that went in: an end of input in the middle of a line takes two */
	uint8_t last;
	/* bytes that may still be read once the command has ended */
	size_t rest;
	/* 0, or when to leave although the command lives, and with which code */
	uint64_t leave_at;
	int leave_code;
};

/* Handles signals for a command from now on; those that come early are kept. */
void vs_relay_signals(int terminal);
/* The command that signals are passed on to: a child, or with pid 0 what the pidfd names. */
void vs_relay_command(int pid, int pidfd);
/* Waits for a command without carrying anything; its wait status. */
int vs_relay_wait(int pid);
/* Carries until the command has ended and everything of it is out. Its wait status, or -code to leave. */
int vs_relay_run(struct vs_relay *relay);

#endif
