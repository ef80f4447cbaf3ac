/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unpacker: a small static glibc program that dist/vserver carries and runs from a memfd, once for
 * each build, to lay the JavaScript runtime into its cache. glibc, zstd and their start-up costs stay
 * out of the front door that way.
 */
#ifndef VS_UNPACKER_H
#define VS_UNPACKER_H

#include "payload.h"

/* fail.c */

/* The directory that messages name, and whether they are JSON. */
extern const char *runtime_path;
extern int json;

/* Called by die() and on SIGINT, SIGTERM, SIGHUP: removes what is half made. */
extern void (*before_exit)(void);

/* Prints `vserver: Cannot unpack the runtime into "DIR": DETAIL` and a hint, and exits with 1. */
__attribute__((noreturn, format(printf, 3, 4)))
void die(const char *code, const char *hint, const char *format, ...);

/* The same for a failed call: turns errno into a code, a detail and a hint. */
__attribute__((noreturn)) void die_errno(const char *what, const char *path);

void catch_signals(void);

/* place.c */

/*
 * Makes and checks the directories down to the one that holds all builds, and gives back its
 * descriptor. `top` must exist. From the component `leaf` of `below` on, all must be ours alone.
 */
int open_place(const char *top, const char *below, const char *leaf);

/* Removes a directory of plain files. Missing is fine. */
void remove_directory(int parent, const char *name);

/* Removes builds that no process runs from, and temporaries whose maker died. */
void remove_unused(int place, const char *keep);

/* extract.c */

/* Reads and checks the trailer and the digest of the outer file. */
struct vs_trailer read_trailer(int file);

/* Writes every carried file, the executor and the manifest into `directory`, and syncs them. */
void extract(int file, const struct vs_trailer *trailer, int directory);

#endif
