// SPDX-License-Identifier: GPL-2.0-only
/*
 * vandal SEED STOP FILE...: does to files whatever a guest can, in random order, until there is a file STOP.
 * It keeps in mind what each must hold, and looks after every deed. Says "did N deeds", or what was lost.
 */
#define _GNU_SOURCE
#include "vandal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned int state;

unsigned int below(unsigned int bound)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % bound;
}

void check(bool holds, const char *what, const struct file *file)
{
	if (holds)
		return;
	printf("%s: %s: %m\n", file->path, what);
	exit(1);
}

static void load(struct file *file, char *path)
{
	int fd = open(path, O_RDONLY);

	file->path = path;
	check(fd >= 0, "cannot be opened", file);
	file->size = read(fd, file->content, FILE_MAX);
	check(file->size >= 0, "cannot be read", file);
	file->held = -1;
	close(fd);
}

/* Also what the times and the size of a directory entry say must be of this file. */
static void look(const struct file *file, const char *deed)
{
	static char found[FILE_MAX + 1];
	struct stat st;
	int fd = open(file->path, O_RDONLY);
	ssize_t size;

	check(fd >= 0, deed, file);
	size = read(fd, found, sizeof(found));
	check(size == file->size && memcmp(found, file->content, size) == 0, deed, file);
	check(stat(file->path, &st) == 0 && st.st_size == size, deed, file);
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long count = 0;
	int files = argc - 3;
	struct file *all = calloc(files > 0 ? files : 1, sizeof(*all));

	if (files < 1 || !all)
		return 2;
	state = atoi(argv[1]);
	for (int i = 0; i < files; i++)
		load(&all[i], argv[3 + i]);
	for (; access(argv[2], F_OK) < 0; count++) {
		const struct deed *deed = &deeds[below(deed_count)];
		struct file *file = &all[below(files)];

		deed->run(file);
		look(file, deed->name);
		look(&all[below(files)], "another one");
	}
	for (int i = 0; i < files; i++)
		look(&all[i], "in the end");
	printf("did %lu deeds\n", count);
	return 0;
}
