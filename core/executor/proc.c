/* Small files of /proc. */
#include "front.h"

struct entry {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

long vs_proc_read(uint64_t pid, const char *file, char *to, size_t room)
{
	char path[6 + VS_DECIMAL + 16] = "/proc/";
	size_t used = 6 + vs_decimal(path + 6, pid);
	long size;
	int fd;

	*to = 0;
	vs_put(path, used, file);
	fd = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	size = vs_read_full(fd, to, room - 1);
	sys_close(fd);
	to[size < 0 ? 0 : size] = 0;
	return size;
}

int vs_proc_each(int (*visit)(uint64_t pid, void *context), void *context)
{
	char buffer[1024] __attribute__((aligned(8)));
	int proc = (int)sys_openat(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long size = proc, result = 0;
	uint64_t pid;

	while (proc >= 0 && !result && (size = sys(__NR_getdents64, proc, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < size && !result;) {
			struct entry *entry = (struct entry *)(buffer + at);

			at += entry->size;
			if (!vs_parse_decimal(entry->name, &pid))
				result = visit(pid, context);
		}
	}
	if (proc >= 0)
		sys_close(proc);
	return (int)(result ? result : size);
}
