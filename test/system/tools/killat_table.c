// SPDX-License-Identifier: GPL-2.0-only
/* What killat knows of the processes that it follows. */
#include <stdio.h>
#include <stdlib.h>

#include "killat.h"

struct process processes[MAX];
struct thread threads[MAX];
int process_count, thread_count;

void name_process(struct process *process)
{
	char path[64];
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", process->pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	length = fread(process->command, 1, sizeof(process->command) - 1, file);
	fclose(file);
	for (size_t i = 0; i < length; i++)
		if (process->command[i] < ' ' || process->command[i] == '"' || process->command[i] == '\\')
			process->command[i] = ' ';
	process->command[length ? length - 1 : 0] = 0;
}

/* The process that a thread belongs to, as /proc says; a thread may be new. */
static pid_t group_of(pid_t tid)
{
	char path[64], line[256];
	int group = tid;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &group) == 1)
			break;
	if (file)
		fclose(file);
	return group;
}

int add_process(pid_t pid, int counting)
{
	for (int i = process_count - 1; i >= 0; i--)
		if (processes[i].pid == pid)
			return i;
	if (process_count == MAX)
		exit(3);
	processes[process_count].pid = pid;
	processes[process_count].counting = counting;
	name_process(&processes[process_count]);
	return process_count++;
}

struct thread *add_thread(pid_t tid)
{
	for (int i = 0; i < thread_count; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	if (thread_count == MAX)
		exit(3);
	threads[thread_count] = (struct thread){ .tid = tid, .process = add_process(group_of(tid), 1) };
	return &threads[thread_count++];
}

void remove_thread(pid_t tid)
{
	for (int i = 0; i < thread_count; i++)
		if (threads[i].tid == tid)
			threads[i--] = threads[--thread_count];
}

void print_processes(void)
{
	printf("[");
	for (int i = 0; i < process_count; i++) {
		printf("%s{\"calls\":%lu,\"command\":\"%s\",\"numbers\":[", i ? "," : "",
		       processes[i].calls, processes[i].command);
		for (unsigned long at = 0; at < processes[i].calls && at < NUMBERS; at++)
			printf("%s%u", at ? "," : "", processes[i].numbers[at]);
		printf("]}");
	}
	printf("]");
}
