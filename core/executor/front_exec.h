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

/* exec_stdio.c: what the command gets as 0, 1 and 2. */
struct vs_stdio {
	/* bit n: n is a terminal */
	uint32_t terminals;
	/* Standard input is a terminal that another job has. */
	int background;
	int pty;
	/* the caller's, while others stand in for them; -1: not replaced */
	int saved[3];
	struct vs_relay relay;
};
/* Closed descriptors among the first three are filled, or one of ours would become one of them. */
void vs_stdio_fill(void);
/* Looks at the caller's descriptors, and fills what is closed. 0, or an exit code. */
int vs_stdio_look(struct vs_stdio *io, const struct vs_request *r);
/* Puts the command's in place; *call names what failed. 0 or -errno. */
int vs_stdio_replace(struct vs_stdio *io, const struct vs_guest *g, const char **call);
/* Puts the caller's back. */
void vs_stdio_back(struct vs_stdio *io);

#endif
