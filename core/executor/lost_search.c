/*
 * Looks for a guest's supervisor among all processes: before anything is cleaned up, for a record may be
 * damaged. It is told by the words that it was started with, which name the guest's directory.
 */
#include "front.h"

/* What a supervisor that was killed had started may have its words for a moment, and dies with it. */
#define PATIENCE_MS 300

struct search {
	const char *directory;
	int found;
};

/* Host root's: anybody may have these words. The name of a process cannot hold a line's end in there. */
static int is_roots(uint64_t pid)
{
	char text[1024];
	const char *line = text;

	if (vs_proc_read(pid, "/status", text, sizeof(text)) <= 0)
		return 0;
	while ((line = strchr(line, '\n')))
		if (vs_after(++line, "Uid:\t0\t0\t"))
			return 1;
	return 0;
}

/* The words are argv[0], @supervise and the directory, whatever else follows. */
static int has_words(uint64_t pid, const char *directory)
{
	char text[VS_ROOT_MAX + 128];
	const char *at = text, *end = text + vs_proc_read(pid, "/cmdline", text, sizeof(text));

	for (int word = 0; word < 2 && at < end; word++, at += strlen(at) + 1)
		if (word == 1 && !vs_equal(at, "@supervise"))
			return 0;
	return at < end && vs_equal(at, directory);
}

/* The pidfd first: if it has not ended afterwards, it is the process that was looked at. */
static int look(uint64_t pid, void *context)
{
	struct search *search = context;
	int fd;

	if (!has_words(pid, search->directory))
		return 0;
	fd = (int)sys(__NR_pidfd_open, pid, 0);
	if (fd < 0)
		return 0;
	if (has_words(pid, search->directory) && is_roots(pid) && !vs_ended(fd, PATIENCE_MS)) {
		search->found = fd;
		return 1;
	}
	sys_close(fd);
	return 0;
}

int vs_find_supervisor(const struct vs_request *r, const char *name)
{
	char *directory = __builtin_alloca(strlen(r->root) + strlen(name) + 32);
	struct search search = { directory, -ESRCH };
	int error;

	vs_put(directory, vs_put(directory, vs_put(directory, 0, r->root), "/run/vserver/guests/"), name);
	error = vs_proc_each(look, &search);
	return error < 0 ? error : search.found;
}
