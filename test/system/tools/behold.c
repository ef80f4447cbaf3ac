// SPDX-License-Identifier: GPL-2.0-only
/*
 * behold DIR: prints everything that can be seen of a tree but inode numbers, link counts and ctimes.
 * behold DIR STOP: looks again and again until there is a file STOP; says "looked N times", or what is
 * other than the first time, and ends with 1. Times of directories are left out then: a directory in which files
 * are being shared has another one until all of its are.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int without_directory_times;

static void show_content(FILE *out, const char *path)
{
	static unsigned char buffer[1 << 16];
	unsigned long sum = 0xcbf29ce484222325;
	unsigned int flags = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_NOFOLLOW);

	if (fd < 0) {
		fprintf(out, " open: %s", strerror(errno));
		return;
	}
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < got; i++)
			sum = (sum ^ buffer[i]) * 0x100000001b3;
	if (got < 0 && errno != EISDIR)
		fprintf(out, " read: %s", strerror(errno));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		fprintf(out, " flags: %s", strerror(errno));
	close(fd);
	fprintf(out, " %016lx %x", sum, flags);
}

static void show_xattrs(FILE *out, const char *path)
{
	static char names[4096], value[4096];
	ssize_t size = llistxattr(path, names, sizeof(names));

	if (size < 0)
		fprintf(out, " listxattr: %s", strerror(errno));
	for (char *name = names; name < names + size; name += strlen(name) + 1) {
		ssize_t got = lgetxattr(path, name, value, sizeof(value));

		fprintf(out, " %s=%zd:", name, got);
		for (ssize_t i = 0; i < got; i++)
			fprintf(out, "%02x", (unsigned char)value[i]);
	}
}

static void show(FILE *out, const char *path)
{
	static char target[4096];
	struct dirent **entries;
	struct stat st;
	int count;

	fprintf(out, "%s", path);
	if (lstat(path, &st) < 0) {
		fprintf(out, " lstat: %s\n", strerror(errno));
		return;
	}
	fprintf(out, " %o %d:%d", st.st_mode, st.st_uid, st.st_gid);
	if (!S_ISDIR(st.st_mode) || !without_directory_times)
		fprintf(out, " %ld.%09ld", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (!S_ISDIR(st.st_mode))
		fprintf(out, " %ld", st.st_size);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		show_content(out, path);
	if (S_ISLNK(st.st_mode)) {
		ssize_t got = readlink(path, target, sizeof(target) - 1);

		fprintf(out, " %.*s", (int)got, target);
	}
	show_xattrs(out, path);
	fprintf(out, "\n");
	if (!S_ISDIR(st.st_mode))
		return;
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		fprintf(out, "%s scandir: %s\n", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char *below;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    asprintf(&below, "%s/%s", path, name) > 0) {
			show(out, below);
			free(below);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static char *look(const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		exit(2);
	show(out, path);
	fclose(out);
	return text;
}

static int tell_difference(char *was, char *is)
{
	char *a = was, *b = is;

	while (*a && *b && strcspn(a, "\n") == strcspn(b, "\n") && !memcmp(a, b, strcspn(a, "\n"))) {
		a += strcspn(a, "\n") + (a[strcspn(a, "\n")] != 0);
		b += strcspn(b, "\n") + (b[strcspn(b, "\n")] != 0);
	}
	printf("was: %.*s\nis:  %.*s\n", (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long rounds = 0;
	char *first, *again;

	if (argc < 2)
		return 2;
	without_directory_times = argc > 2;
	first = look(argv[1]);
	if (argc == 2)
		return fputs(first, stdout) < 0;
	for (; access(argv[2], F_OK) < 0; rounds++, free(again)) {
		again = look(argv[1]);
		if (strcmp(first, again) != 0)
			return tell_difference(first, again);
	}
	printf("looked %lu times\n", rounds);
	return 0;
}
