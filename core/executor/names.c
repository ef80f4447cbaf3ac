/* Names of guests: those that were given, or all that there are. */
#include "front.h"

struct entry {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

int vs_names_add(struct vs_names *names, const char *name)
{
	if (names->count == names->room) {
		size_t room = names->room ? names->room * 2 : 64;
		long at = sys_map(room * sizeof(*names->at));

		if (sys_failed(at))
			return (int)at;
		if (names->at) {
			memcpy((void *)at, names->at, names->count * sizeof(*names->at));
			sys_unmap(names->at, names->room * sizeof(*names->at));
		}
		names->at = (void *)at;
		names->room = room;
	}
	memcpy(names->at[names->count++], name, strlen(name) + 1);
	return 0;
}

/* Names with other characters are not guests: temporaries of the appliance start with a dot. */
static int may_be_guest(const char *name)
{
	size_t length = strlen(name);

	if (length > VS_LIMIT_NAME || *name == '-')
		return 0;
	for (; *name; name++)
		if (!(*name >= 'a' && *name <= 'z') && !(*name >= '0' && *name <= '9') && *name != '-')
			return 0;
	return 1;
}

static int read_names(const struct vs_request *r, struct vs_names *names)
{
	static char buffer[4096] __attribute__((aligned(8)));
	size_t used = strlen(r->root);
	char *path = __builtin_alloca(used + 24);
	long size = 0;
	int fd, error = 0;

	memcpy(path, r->root, used);
	memcpy(path + used, "/var/lib/vserver/guests", 24);
	fd = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	while (!error && (size = sys(__NR_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size && !error;) {
			struct entry *entry = (struct entry *)(buffer + at);

			at += entry->size;
			if (may_be_guest(entry->name))
				error = vs_names_add(names, entry->name);
		}
	}
	sys_close(fd);
	return size < 0 ? (int)size : error;
}

/* Shell sort: a thousand names need no more. */
static void sort(struct vs_names *names)
{
	char moved[VS_LIMIT_NAME + 1];

	for (size_t gap = names->count / 2; gap; gap /= 2) {
		for (size_t i = gap; i < names->count; i++) {
			size_t j = i;

			memcpy(moved, names->at[i], sizeof(moved));
			for (; j >= gap && strcmp(names->at[j - gap], moved) > 0; j -= gap)
				memcpy(names->at[j], names->at[j - gap], sizeof(moved));
			memcpy(names->at[j], moved, sizeof(moved));
		}
	}
}

int vs_names_all(struct vs_names *names, const struct vs_request *r)
{
	int error = read_names(r, names);

	if (!error)
		sort(names);
	return error;
}
