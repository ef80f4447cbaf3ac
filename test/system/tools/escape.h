/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes that a guest's root runs against its host. Every probe tries one thing and says how far it
 * came: 0 when the attack worked, an errno when the kernel refused it, CONTAINED when every call
 * succeeded but reached only what is the guest's own.
 */
#ifndef ESCAPE_H
#define ESCAPE_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define CONTAINED (-1)
/* An empty directory that the probes may mount on. */
#define SCRATCH "/escape.d"

struct probe {
	const char *name;
	int (*run)(const struct probe *probe);
	const char *path;
	const char *text;
	unsigned long flags;
};

/* What the tests on the host's side say about their host. */
struct target {
	/* a process of the host that is not in the guest */
	int pid;
	/* absolute path of a file of the host that the guest's tree does not have */
	const char *marker;
	/* abstract unix socket and TCP port on which the host listens */
	const char *socket;
	int port;
	/* number of a pty of the host */
	int pts;
	/* file handle of the marker: its type, a colon, its bytes in hexadecimal */
	const char *handle;
	/* description of a key in the session keyring of whoever runs `vserver exec` */
	const char *key;
};

extern struct target host;

/* Each list ends in a probe without a name. */
extern const struct probe process_probes[];
extern const struct probe mount_probes[];
extern const struct probe root_probes[];
extern const struct probe file_probes[];
extern const struct probe device_probes[];
extern const struct probe kernel_probes[];
extern const struct probe resource_probes[];
extern const struct probe network_probes[];

/* The errno of a call that gave -1, else 0. */
static inline int failed(long result)
{
	return result == -1 ? errno : 0;
}

int try_open(const struct probe *probe);
int try_write(const struct probe *probe);
int write_text(const char *path, const char *text);
/* A mount namespace of one's own, so that one probe's success does not spoil the next one's. */
void own_mounts(void);
/* A user and mount namespace inside the guest's, with full capabilities there. */
int nest(void);
/* Climbs from the current directory as far as it goes and looks for the host's marker. */
int climb(void);

int watch(int seconds, const char *secret, const char *command);
int terminal(void);

#endif
