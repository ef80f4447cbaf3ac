// SPDX-License-Identifier: GPL-2.0-only
/* killat's table of processes and threads, in the order in which they appeared. */
#ifndef KILLAT_H
#define KILLAT_H

#include <sys/types.h>

#define MAX 256
#define NUMBERS 4096

struct process {
	pid_t pid;
	unsigned long calls;
	/* a process that was forked here counts from its exec on: before, it runs our own code */
	int counting;
	char command[128];
	unsigned int numbers[NUMBERS];
};

struct thread {
	pid_t tid;
	int process;
	/* when it was stopped at its beginning, in ms; 0: it goes on */
	long held;
	int begun;
};

extern struct process processes[MAX];
extern struct thread threads[MAX];
extern int process_count, thread_count;

/* Takes the command line from /proc, as far as JSON can hold it unescaped. */
void name_process(struct process *process);

/* The number of a process, which gets one when it is new. */
int add_process(pid_t pid, int counting);

struct thread *add_thread(pid_t tid);
void remove_thread(pid_t tid);

/* Prints a JSON array. */
void print_processes(void);

#endif
