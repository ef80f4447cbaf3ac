// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer [-n RUNS] [-w WARMUP] [-i IDLE_MS] -- COMMAND... [--- COMMAND...]...
 *
 * Runs the commands in turn, A B C A B C…, RUNS times each, and prints how long each took from before
 * its vfork to after its wait, in ns, as one JSON array of arrays. With -i it sleeps before each run, as
 * a machine does between two commands of a person. Being small and resident, it costs the same for every
 * command, and very little. Commands get no input and their output is thrown away; one that fails ends
 * the timer with its code.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 16

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static long long run(char **argv, int null)
{
	int status;
	long long start = now();
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(null, 0);
		dup2(null, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	long long end = now();
	if (status == 0)
		return end - start;
	fprintf(stderr, "timer: %s ended with status %x\n", argv[0], (unsigned int)status);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv)
{
	char **commands[COMMANDS];
	int option, count = 0, runs = 100, warmup = 5;
	long idle_ms = 0;

	while ((option = getopt(argc, argv, "+n:w:i:")) != -1) {
		if (option == 'n')
			runs = atoi(optarg);
		else if (option == 'w')
			warmup = atoi(optarg);
		else if (option == 'i')
			idle_ms = atoi(optarg);
		else
			return 2;
	}
	for (int i = optind; i < argc && count < COMMANDS; i++) {
		if (i == optind || !argv[i - 1])
			commands[count++] = argv + i;
		if (strcmp(argv[i], "---") == 0)
			argv[i] = NULL;
	}
	long long *times = calloc((size_t)(count * runs + 1), sizeof(*times));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!count || runs < 1 || !times || null < 0)
		return 2;
	for (int round = -warmup; round < runs; round++) {
		for (int i = 0; i < count; i++) {
			struct timespec pause = { idle_ms / 1000, idle_ms % 1000 * 1000000 };
			if (idle_ms)
				nanosleep(&pause, NULL);
			long long time = run(commands[i], null);
			if (time < 0)
				return perror("timer"), 1;
			if (round >= 0)
				times[i * runs + round] = time;
		}
	}
	for (int i = 0; i < count; i++)
		for (int round = 0; round < runs; round++)
			printf("%s%lld", round ? "," : i ? "],[" : "[[", times[i * runs + round]);
	printf("]]\n");
	return 0;
}
