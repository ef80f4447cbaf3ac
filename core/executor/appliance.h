/*
 * The appliance: everything that the front door does not do natively is done by the JavaScript runtime
 * that the file carries (see payload.h), unpacked once for each build.
 */
#ifndef VS_APPLIANCE_H
#define VS_APPLIANCE_H

#include "payload.h"

/* What the appliance found out about itself and its caller. */
struct vs_appliance {
	int self; /* the outer file */
	int json; /* errors as JSON */
	char self_path[4096];
	char top[3072]; /* the root directory, or the home of a user who is not root */
	const char *below; /* from there to the directory of all builds */
	const char *leaf; /* component of `below` from which on all must be ours alone */
	char directory[3400]; /* TOP/BELOW/BUILD */
	struct vs_trailer trailer;
};

/* Starts the carried runtime. Returns only when it could not: an exit code, after a message. */
int vs_appliance(int argc, char **argv, char **envp);

/* appliance_place.c: fills in json, top, below and leaf. 0, or an exit code after a message. */
int vs_appliance_place(struct vs_appliance *a, char **argv, char **envp);

/* appliance_check.c: is BUILD unpacked, complete, untouched and executable? Takes a shared lock. */
int vs_appliance_check(const struct vs_appliance *a);

/* appliance_unpack.c: runs the carried unpacker. 0, or an exit code after a message. */
int vs_appliance_unpack(const struct vs_appliance *a, char **envp);

/*
 * appliance_session.c: where the verb will need one, starts a batch session of `executor`, and puts the
 * descriptors `FROM,TO` into `told`, which has room for 48 bytes; else leaves it alone.
 */
void vs_appliance_session(char **argv, char **envp, const char *executor, char *told);

/* appliance_fail.c: prints `vserver: TEXT…` and a hint, texts up to NULL; gives 1. */
int vs_appliance_fail(const struct vs_appliance *a, const char *code, const char *hint, ...);

#endif
