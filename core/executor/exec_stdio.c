/*
 * What a command gets as 0, 1 and 2. Files, pipes and sockets of the caller go in as they are. Terminals
 * do not: a pty of the guest's takes their place, or pipes. Directories would be a way out of the guest's
 * root, so they are refused.
 */
#include "front_exec.h"

#include <asm/ioctls.h>
#include <asm/stat.h>

int vs_stdio_refuse(const struct vs_stdio *io, const struct vs_request *r)
{
	static const char *const names[] = { "standard input", "standard output", "standard error" };

	if (io->directory < 0)
		return 0;

	vs_error(r, VS_E_OP, "a guest could leave its root through it", "Cannot ",
		 r->verb == VS_VERB_EXEC ? "exec in" : "enter", " \"", r->names[0], "\": ", names[io->directory],
		 " is a directory", NULL);
	return VS_SETUP_FAILED;
}

void vs_stdio_look(struct vs_stdio *io, const struct vs_request *r)
{
	struct stat st;
	int group = 0;

	io->directory = -1;
	io->saved[0] = io->saved[1] = io->saved[2] = -1;
	for (int fd = 0; fd < 3; fd++) {
		/* Closed ones are filled first of all, or a descriptor of ours would become one of them. */
		if (sys(__NR_fstat, fd, &st)) {
			sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
			continue;
		}
		if ((st.st_mode & S_IFMT) == S_IFDIR)
			io->directory = io->directory < 0 ? fd : io->directory;
		if ((st.st_mode & S_IFMT) == S_IFCHR && vs_is_terminal(fd))
			io->terminals |= 1u << fd;
	}
	/* A job in the background that took its terminal would be stopped for it (tcsetattr(3)). */
	io->background = (io->terminals & 1) && !sys(__NR_ioctl, 0, TIOCGPGRP, &group) &&
			 group != (int)sys(__NR_getpgid, 0);
	io->pty = r->verb == VS_VERB_ENTER || r->tty == 1 ||
		  (r->tty && (io->terminals & 3) == 3 && !io->background);
}

static int save(struct vs_stdio *io, int fd)
{
	io->saved[fd] = (int)sys(__NR_fcntl, fd, F_DUPFD_CLOEXEC, 3);
	return io->saved[fd] < 0 ? io->saved[fd] : 0;
}

static struct vs_lane *lane(struct vs_stdio *io, int from, int to, int inwards)
{
	struct vs_lane *lane = &io->relay.lanes[io->relay.lane_count++];

	lane->from = from;
	lane->to = to;
	lane->inwards = inwards;
	return lane;
}

static int replace_by_pty(struct vs_stdio *io, const struct vs_guest *g, const char **call)
{
	struct vs_pty pty = { 0 };
	struct termios modes;
	int error = vs_pty_open(&pty, g->supervisor, &g->state, call);

	if (error)
		return error;
	io->relay.master = pty.master;
	for (int fd = 0; fd < 3; fd++)
		if (io->relay.sized < 0 && io->terminals & 1u << fd)
			io->relay.sized = fd;
	/* The guest's terminal starts as the caller's is: erase key, size, UTF-8. */
	if (io->terminals & 1 && !sys(__NR_ioctl, 0, TCGETS, &modes))
		sys(__NR_ioctl, pty.slave, TCSETS, &modes);
	if (io->relay.sized >= 0)
		vs_terminal_copy_size(io->relay.sized, pty.master);
	*call = "fcntl";
	for (int fd = 0; fd < 3 && !error; fd++)
		error = save(io, fd);
	for (int fd = 0; fd < 3 && !error; fd++)
		sys(__NR_dup3, pty.slave, fd, 0);
	sys_close(pty.slave);
	lane(io, 0, pty.master, 1);
	lane(io, pty.master, 1, 0);
	return error;
}

static int replace_by_pipe(struct vs_stdio *io, int fd, const char **call)
{
	int ends[2], error;

	*call = "pipe2";
	error = (int)sys(__NR_pipe2, ends, O_CLOEXEC);
	if (!error)
		error = save(io, fd);
	if (error)
		return error;
	sys(__NR_dup3, ends[fd ? 1 : 0], fd, 0);
	sys_close(ends[fd ? 1 : 0]);
	if (fd)
		lane(io, ends[0], fd, 0);
	else if (io->background)
		sys_close(ends[1]);
	else
		lane(io, 0, ends[1], 1);
	return 0;
}

int vs_stdio_replace(struct vs_stdio *io, const struct vs_guest *g, const char **call)
{
	int error = 0;

	io->relay.master = io->relay.sized = -1;
	if (io->pty)
		return replace_by_pty(io, g, call);
	for (int fd = 0; fd < 3 && !error; fd++)
		if (io->terminals & 1u << fd)
			error = replace_by_pipe(io, fd, call);
	return error;
}

void vs_stdio_back(struct vs_stdio *io)
{
	for (int fd = 0; fd < 3; fd++) {
		if (io->saved[fd] < 0)
			continue;
		sys(__NR_dup3, io->saved[fd], fd, 0);
		sys_close(io->saved[fd]);
		io->saved[fd] = -1;
	}
}

void vs_stdio_undo(struct vs_stdio *io)
{
	vs_stdio_back(io);
	for (int i = 0; i < io->relay.lane_count; i++) {
		struct vs_lane *lane = &io->relay.lanes[i];

		if (lane->from > 2 && lane->from != io->relay.master)
			sys_close(lane->from);
		if (lane->to > 2 && lane->to != io->relay.master)
			sys_close(lane->to);
	}
	if (io->relay.lane_count && io->relay.master >= 0)
		sys_close(io->relay.master);
	io->relay.lane_count = 0;
}
