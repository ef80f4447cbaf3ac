// SPDX-License-Identifier: GPL-2.0-only
/*
 * killat: runs a command under ptrace with everything that comes of it, numbers the processes in the
 * order in which they appear, counts their system calls, and kills one right before its N-th call.
 *
 *   killat [-a PID]... [-p PROCESS -n CALL [-k PROCESS]] [-d MS] [-w MS] -- COMMAND...
 *
 * -a traces a process that runs already (it gets a number before the command's processes do). Without
 * -p it only counts. -k kills another process than the one whose calls are counted. -d lets a new
 * process take its first step only when the kill has been made, or after so many ms: the other end of
 * what a scheduler may do. It ends when the command has ended and nothing has happened for -w ms (30
 * unless told); what still runs then is let go. The last line of stdout is a JSON object:
 *
 *   {"code":0,"killed":false,"call":-1,"processes":[{"calls":57,"command":"vserver start web",
 *    "numbers":[59,12,...]}]}
 *
 * `code` is the command's, 128 + n when signal n ended it; `call` the number of the system call that
 * the kill came before; `numbers` those of the first calls (at most 1024) of each process, with
 * 65536 added to that of an openat that may create a file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "killat.h"

#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC)

static int chosen = -1, victim = -1, killed;
static unsigned long chosen_call;
static long killed_call = -1, hold_ms;

static long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void system_call(struct thread *thread)
{
	struct ptrace_syscall_info info;
	struct process *process = &processes[thread->process];

	if (ptrace(PTRACE_GET_SYSCALL_INFO, thread->tid, sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY || !process->counting)
		return;
	if (process->calls < NUMBERS)
		process->numbers[process->calls] = (unsigned int)info.entry.nr |
			(info.entry.nr == SYS_openat && (info.entry.args[2] & O_CREAT) ? 65536 : 0);
	process->calls++;
	if (thread->process != chosen || process->calls != chosen_call || killed || victim >= process_count)
		return;
	/* A task that dies in its entry stop does not make the call. */
	killed = 1;
	killed_call = (long)info.entry.nr;
	kill(processes[victim < 0 ? chosen : victim].pid, SIGKILL);
}

/* Handles one stop and gives the signal that the task is to get. */
static int stopped(struct thread *thread, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	unsigned long message;

	if (sig == (SIGTRAP | 0x80)) {
		system_call(thread);
		return 0;
	}
	switch (event) {
	case 0:
		return sig;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, thread->tid, NULL, &message) == 0)
			add_thread((pid_t)message);
		return 0;
	case PTRACE_EVENT_EXEC:
		processes[thread->process].counting = 1;
		name_process(&processes[thread->process]);
		return 0;
	default:
		return 0;
	}
}

static void resume(struct thread *thread, int status, int sig)
{
	int group_stop = status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP;
	int watched = !killed && (chosen < 0 || thread->process == chosen);

	if (group_stop)
		ptrace(PTRACE_LISTEN, thread->tid, NULL, NULL);
	else
		ptrace(watched ? PTRACE_SYSCALL : PTRACE_CONT, thread->tid, NULL, (long)sig);
}

/* Is this the first stop of a process that is to wait? Its threads do not. */
static int hold(struct thread *thread)
{
	int first = !thread->begun;

	thread->begun = 1;
	if (!first || !hold_ms || killed || thread->process == chosen ||
	    processes[thread->process].pid != thread->tid)
		return 0;
	thread->held = now_ms();
	return 1;
}

static void release_held(void)
{
	for (int i = 0; i < thread_count; i++) {
		if (!threads[i].held || (!killed && now_ms() - threads[i].held < hold_ms))
			continue;
		threads[i].held = 0;
		resume(&threads[i], 0, 0);
	}
}

/* Lets everything go that still runs; a signal that was on its way arrives. */
static void let_go(void)
{
	int status;

	for (int i = 0; i < thread_count; i++)
		ptrace(PTRACE_INTERRUPT, threads[i].tid, NULL, NULL);
	for (int waits = 0; thread_count > 0 && waits < 200;) {
		pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
		if (tid < 0)
			return;
		if (tid == 0) {
			usleep(1000);
			waits++;
			continue;
		}
		if (WIFSTOPPED(status)) {
			int sig = stopped(add_thread(tid), status);
			ptrace(PTRACE_DETACH, tid, NULL, (long)sig);
		}
		remove_thread(tid);
	}
}

static pid_t start(char **argv)
{
	int gate[2];
	char byte;

	if (pipe(gate) < 0)
		exit(2);
	pid_t child = fork();
	if (child == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) < 0)
			_exit(126);
		close(gate[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(gate[0]);
	if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, OPTIONS) < 0)
		exit(2);
	threads[thread_count++] = (struct thread){ child, add_process(child, 0), 0, 1 };
	/* Stopped once and then resumed from call to call; its exec is the first thing that counts. */
	ptrace(PTRACE_INTERRUPT, child, NULL, NULL);
	close(gate[1]);
	return child;
}

static void trace(pid_t command, int idle_ms, int *code)
{
	int status, ended = 0, idle = 0;

	while (thread_count > 0 && (!ended || idle < idle_ms)) {
		pid_t tid;

		release_held();
		tid = waitpid(-1, &status, __WALL | WNOHANG);
		if (tid < 0)
			return;
		if (tid == 0) {
			usleep(ended ? 1000 : 50);
			idle += ended;
			continue;
		}
		idle = 0;
		if (WIFSTOPPED(status)) {
			struct thread *thread = add_thread(tid);
			int sig = stopped(thread, status);
			if (!hold(thread))
				resume(thread, status, sig);
			continue;
		}
		remove_thread(tid);
		if (tid == command) {
			ended = 1;
			*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
}

int main(int argc, char **argv)
{
	int option, idle_ms = 30, code = -1;
	pid_t pid;

	while ((option = getopt(argc, argv, "+a:p:n:k:d:w:")) != -1) {
		switch (option) {
		case 'a':
			pid = atoi(optarg);
			if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0)
				return perror("killat: ptrace"), 2;
			threads[thread_count++] = (struct thread){ pid, add_process(pid, 1), 0, 1 };
			break;
		case 'p':
			chosen = atoi(optarg);
			break;
		case 'n':
			chosen_call = strtoul(optarg, NULL, 10);
			break;
		case 'k':
			victim = atoi(optarg);
			break;
		case 'd':
			hold_ms = atol(optarg);
			break;
		case 'w':
			idle_ms = atoi(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind == argc) {
		fputs("usage: killat [-a PID]... [-p PROCESS -n CALL [-k PROCESS]] [-d MS] [-w MS] -- COMMAND...\n",
		      stderr);
		return 2;
	}
	for (int i = 0; i < thread_count; i++)
		ptrace(PTRACE_INTERRUPT, threads[i].tid, NULL, NULL);
	pid = start(argv + optind);
	trace(pid, idle_ms, &code);
	let_go();
	printf("{\"code\":%d,\"killed\":%s,\"call\":%ld,\"processes\":", code, killed ? "true" : "false",
	       killed_call);
	print_processes();
	printf("}\n");
	return 0;
}
