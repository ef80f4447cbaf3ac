/*
 * The guest's console: a bounded log, and terminals attached to it. Nothing that a disk, a client or the
 * guest does here may hold up the supervisor: what cannot be written at once is dropped.
 */
#include "supervise.h"

#include <asm/ioctls.h>
#include <asm/stat.h>
#include <asm/termios.h>
#include <linux/poll.h>
#include <linux/un.h>

#define AF_UNIX_FAMILY 1
#define STREAM 1
#define LOG_MAX (1u << 20)
/* Chunks taken at once, so that a flooding guest does not keep us from a stop. */
#define TURNS 16
#define MSG_QUIETLY 0x4040 /* MSG_DONTWAIT | MSG_NOSIGNAL */
#define MASTER_PAUSE_MS 100

/* Through the working directory: the path may be longer than an address holds, and /proc absent. */
int vs_console_listen(struct vs_super *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX_FAMILY, .sun_path = "console" };
	int here = (int)sys_openat(s->run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long error;

	if (here < 0)
		return here;
	s->listen = (int)sys(__NR_socket, AF_UNIX_FAMILY, STREAM | O_CLOEXEC | O_NONBLOCK, 0);
	if (s->listen < 0) {
		sys_close(here);
		return s->listen;
	}
	sys(__NR_unlinkat, s->run, "console", 0);
	error = sys(__NR_fchdir, here);
	if (!error)
		error = sys(__NR_bind, s->listen, &address, sizeof(address));
	sys(__NR_chdir, "/");
	sys_close(here);
	return error ? (int)error : (int)sys(__NR_listen, s->listen, VS_CLIENTS);
}

static void open_log(struct vs_super *s)
{
	struct stat st;

	s->log = (int)sys_openat(s->lib, "console.log",
				 O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
				 0600);
	if (s->log < 0)
		return;
	s->log_size = sys(__NR_fstat, s->log, &st) ? 0 : (uint64_t)st.st_size;
}

void vs_console_open(struct vs_super *s)
{
	if (s->master < 0)
		return;
	/* The file's own status flags: the master is ours alone. */
	sys(__NR_fcntl, s->master, F_SETFL, O_RDWR | O_NONBLOCK);
	open_log(s);
}

static void write_log(struct vs_super *s, const uint8_t *from, size_t size)
{
	if (s->log >= 0 && s->log_size + size > LOG_MAX) {
		sys_close(s->log);
		sys(__NR_renameat2, s->lib, "console.log", s->lib, "console.log.1", 0);
		open_log(s);
	}
	/* A full disk loses output, and nothing else. */
	if (s->log >= 0) {
		long done = sys_write(s->log, from, size);

		s->log_size += done > 0 ? (uint64_t)done : 0;
	}
}

static void part(struct vs_client *client)
{
	sys_close(client->fd);
	client->fd = -1;
}

/* A client that does not read is let go: its terminal would show a torn picture anyway. */
static void show(struct vs_super *s, const uint8_t *from, size_t size)
{
	for (int i = 0; i < VS_CLIENTS; i++) {
		struct vs_client *client = &s->clients[i];

		if (client->fd >= 0 && sys(__NR_sendto, client->fd, from, size, MSG_QUIETLY, NULL, 0) !=
					       (long)size)
			part(client);
	}
}

void vs_console_output(struct vs_super *s)
{
	uint8_t chunk[VS_CHUNK];

	s->master_at = 0;
	for (int turn = 0; turn < (s->ended ? 64 * TURNS : TURNS); turn++) {
		long size = sys_read(s->master, chunk, sizeof(chunk));

		if (size == -EAGAIN || size == -EINTR)
			return;
		/* Hung up from inside (vhangup): it comes back when the guest opens it again. */
		if (size <= 0) {
			s->master_at = vs_boottime_ms() + MASTER_PAUSE_MS;
			return;
		}
		write_log(s, chunk, (size_t)size);
		show(s, chunk, (size_t)size);
	}
}

void vs_console_accept(struct vs_super *s)
{
	int fd = (int)sys(__NR_accept4, s->listen, NULL, NULL, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < VS_CLIENTS; i++) {
		if (s->clients[i].fd >= 0)
			continue;
		s->clients[i] = (struct vs_client){ .fd = fd };
		return;
	}
	sys_close(fd);
}

static void resize(struct vs_super *s, const uint8_t size[4])
{
	struct winsize window = { .ws_row = (unsigned short)(size[0] | size[1] << 8),
				  .ws_col = (unsigned short)(size[2] | size[3] << 8) };

	sys(__NR_ioctl, s->master, TIOCSWINSZ, &window);
}

/* What the guest does not take at once waits; meanwhile nothing more is read from any client. */
void vs_console_type(struct vs_super *s)
{
	long done = s->master < 0 ? s->typed :
				    sys_write(s->master, s->typing + s->typed_at, s->typed);

	if (done == -EAGAIN || done == -EINTR)
		return;
	if (done < 0)
		done = s->typed;
	s->typed_at += (uint32_t)done;
	s->typed -= (uint32_t)done;
	if (!s->typed)
		s->typed_at = 0;
}

/* The next bytes of a client, of which at most `size` are wanted. 0: none yet; -1: the client is gone. */
static long take(struct vs_client *client, void *to, size_t size)
{
	long got = sys_read(client->fd, to, size);

	if (got == -EAGAIN || got == -EINTR)
		return 0;
	if (got > 0)
		return got;
	part(client);
	return -1;
}

void vs_console_input(struct vs_super *s, struct vs_client *client)
{
	long got;

	if (client->fd < 0 || s->typed)
		return;
	if (client->have < 4) {
		got = take(client, client->head + client->have, 4 - client->have);
		if (got <= 0)
			return;
		client->have += (uint32_t)got;
		if (client->have < 4)
			return;
		client->left = client->head[2] | (uint32_t)client->head[3] << 8;
		if ((client->head[0] != 'D' && client->head[0] != 'W') || client->head[1] ||
		    (client->head[0] == 'W' && client->left != 4))
			return part(client);
	}
	if (client->head[0] == 'W') {
		got = take(client, client->size + 4 - client->left, client->left);
		if (got <= 0)
			return;
		client->left -= (uint32_t)got;
		if (!client->left)
			resize(s, client->size);
	} else if (client->left) {
		size_t room = client->left < sizeof(s->typing) ? client->left : sizeof(s->typing);

		got = take(client, s->typing, room);
		if (got <= 0)
			return;
		client->left -= (uint32_t)got;
		s->typed = (uint32_t)got;
		vs_console_type(s);
	}
	if (!client->left)
		client->have = 0;
}

void vs_console_close(struct vs_super *s)
{
	for (int i = 0; i < VS_CLIENTS; i++)
		if (s->clients[i].fd >= 0)
			part(&s->clients[i]);
	if (s->listen >= 0)
		sys_close(s->listen);
	if (s->log >= 0)
		sys_close(s->log);
	s->listen = s->log = -1;
	s->typed = s->typed_at = 0;
}
