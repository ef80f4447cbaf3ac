/* Running a command in a guest. */
#ifndef VS_FRONT_EXEC_H
#define VS_FRONT_EXEC_H

#include "relay.h"

#define VS_SETUP_FAILED 125
#define VS_NOT_EXECUTABLE 126
#define VS_NOT_FOUND 127

struct vs_words {
	char **argv;
	/* memory of the caller, zeroed, vs_exec_room() pointers each */
	char **envp;
	char **login;
};

/* exec_words.c. term: `TERM=…` or NULL. */
size_t vs_exec_room(const struct vs_request *r, const struct vs_keptfile *k);
void vs_exec_words(struct vs_words *words, const struct vs_request *r, const struct vs_keptfile *k,
		   const char *term);

/* exec_forker.c: asks the guest's forker for the command */
struct vs_forker {
	/* the guest, alive */
	struct vs_guest guest;
	int socket;
	/* there is none, or it does not answer: the supervisor is to make one */
	int wanted;
};
/* 0 when there is one to ask. */
int vs_forker_find(struct vs_forker *f, const struct vs_request *r);
/* term: `TERM=…` or NULL. */
#define VS_FORKER_NOT (-1)
#define VS_FORKER_LOST (-2)
/* A pidfd of the command; NOT: it has not been started, and will not be; LOST: nobody knows. */
int vs_forker_ask(struct vs_forker *f, const struct vs_request *r, const char *term);

/* exec_stdio.c: what the command gets as 0, 1 and 2. */
struct vs_stdio {
	/* bit n: n is a terminal */
	uint32_t terminals;
	/* Standard input is a terminal that another job has. */
	int background;
	int pty;
	/* which of them is a directory, or -1 */
	int directory;
	/* the caller's, while others stand in for them; -1: not replaced */
	int saved[3];
	struct vs_relay relay;
};
/* Looks at the caller's descriptors, and fills what is closed: before any other is opened. */
void vs_stdio_look(struct vs_stdio *io, const struct vs_request *r);
/* 0, or an exit code when a directory is among them. */
int vs_stdio_refuse(const struct vs_stdio *io, const struct vs_request *r);
/* Puts the command's in place; *call names what failed. 0 or -errno. */
int vs_stdio_replace(struct vs_stdio *io, const struct vs_guest *g, const char **call);
/* Puts the caller's back. */
void vs_stdio_back(struct vs_stdio *io);
/* The same, and nothing is left of what replaced them. */
void vs_stdio_undo(struct vs_stdio *io);

#endif
