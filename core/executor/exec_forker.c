/*
 * The short way into a guest: its forker is asked for the command (see ops_serve.c). It is taken only if
 * everything is as it should be; in any other case the long way finds out what is wrong, and says so.
 */
#include "front_exec.h"
#include "serve.h"

#include <linux/poll.h>

/* A forker that the guest has stopped does not take requests. */
#define PATIENCE_NS 1000000000l
#define WORDS 64

void vs_forker_name(struct vs_forker_name *name, const struct vs_state *state)
{
	static const char tag[] = "\0vserver-exec";

	memset(name, 0, sizeof(*name));
	name->family = VS_AF_UNIX;
	memcpy(name->tag, tag, sizeof(tag));
	memcpy(name->boot, state->boot, sizeof(name->boot));
	name->supervisor_pid = state->supervisor_pid;
}

static int read_state(struct vs_state *state, const struct vs_request *r)
{
	const char *parts[] = { r->root, "/run/vserver/guests/", r->names[0], "/state" };
	char *path = __builtin_alloca(strlen(r->root) + strlen(r->names[0]) + 32), *at = path;
	long size;
	int fd;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		size_t length = strlen(parts[i]);

		memcpy(at, parts[i], length);
		at += length;
	}
	*at = 0;
	fd = (int)sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	size = sys_read(fd, state, sizeof(*state));
	sys_close(fd);
	return size != (long)sizeof(*state) || state->magic != VS_MAGIC_STATE ||
	       state->version != VS_PLAN_VERSION || state->seq != state->seq_end ||
	       state->state == VS_STATE_STARTING || !vs_build_is_ours(state->build);
}

/* The copy of a supervisor's descriptor, if it is the socket that the record's supervisor made. */
static int take_socket(int supervisor, const struct vs_state *state)
{
	struct vs_forker_name wanted, name;
	int size = sizeof(name);
	int fd = (int)sys(__NR_pidfd_getfd, supervisor, state->forker_fd, 0);

	if (fd < 0)
		return fd;
	vs_forker_name(&wanted, state);
	if (!sys(__NR_getsockname, fd, &name, &size) && size == sizeof(name) &&
	    !memcmp(&name, &wanted, VS_FORKER_NAME_FIXED))
		return fd;
	sys_close(fd);
	return -1;
}

/*
 * The identity of the supervisor holds within one boot. That the record is of this boot is told by the
 * name of the socket, which is cheaper than reading the boot's id.
 */
int vs_forker_find(struct vs_forker *f, const struct vs_request *r)
{
	const char *wanted = vs_getenv(r->envp, "VSERVER_FORKER");
	struct vs_state *state = &f->guest.state;
	struct vs_identity id;

	f->socket = f->guest.run = f->guest.lib = f->guest.supervisor = -1;
	/* A command has its caller's nice value: that of the forker is 0. */
	if ((wanted && vs_equal(wanted, "0")) || read_state(state, r) ||
	    sys(__NR_getpriority, 0, 0) != 20)
		return -1;
	f->wanted = 1;
	if (state->forker_fd == ~0u)
		return -1;
	id = (struct vs_identity){ state->supervisor_pid, state->supervisor_ino,
				   state->supervisor_start };
	f->guest.name = r->names[0];
	f->guest.supervisor = vs_open_process(&id);
	if (f->guest.supervisor < 0)
		return -1;
	f->socket = take_socket(f->guest.supervisor, state);
	if (f->socket >= 0) {
		f->wanted = 0;
		return 0;
	}
	sys_close(f->guest.supervisor);
	return -1;
}

struct message {
	struct vs_ask ask;
	struct vs_iovec iov[WORDS + 3];
	size_t count, size;
};

static void add(struct message *message, const void *base, size_t length)
{
	if (message->count < WORDS + 3)
		message->iov[message->count] = (struct vs_iovec){ base, length };
	message->count++;
	message->size += length;
}

static void add_word(struct message *message, const char *word)
{
	add(message, word, strlen(word) + 1);
}

static int compose(struct message *message, const struct vs_request *r, const char *term)
{
	message->ask = (struct vs_ask){ .magic = VS_ASK_MAGIC };
	message->count = message->size = 0;
	add(message, &message->ask, sizeof(message->ask));
	add_word(message, r->cwd ? r->cwd : "/");
	if (r->verb == VS_VERB_ENTER)
		message->ask.flags = VS_ASK_LOGIN;
	else
		for (char **word = r->command; *word; word++, message->ask.argv_count++)
			add_word(message, *word);
	if (term) {
		add_word(message, term);
		message->ask.env_count++;
	}
	for (int i = 0; i < r->env_count; i++, message->ask.env_count++)
		add_word(message, r->env[i]);
	return message->count > WORDS + 3 || message->size > VS_ASK_BYTES;
}

static int send(int socket, const struct vs_iovec *iov, size_t count, const int *fds, size_t fd_count)
{
	struct vs_rights rights = { .length = VS_RIGHTS_HEAD + fd_count * sizeof(int),
				    .level = VS_SOL_SOCKET,
				    .type = VS_SCM_RIGHTS };
	struct vs_msghdr head = { .iov = (struct vs_iovec *)iov,
				  .iov_count = count,
				  .control = &rights,
				  .control_length = (rights.length + 7) & -8ul };

	for (size_t i = 0; i < fd_count; i++)
		rights.fds[i] = fds[i];
	return (int)sys(__NR_sendmsg, socket, &head, VS_MSG_DONTWAIT | VS_MSG_NOSIGNAL);
}

static int receive(int socket)
{
	char what = 0;
	struct vs_iovec iov = { &what, 1 };
	struct vs_rights rights = { 0 };
	struct vs_msghdr head = { .iov = &iov,
				  .iov_count = 1,
				  .control = &rights,
				  .control_length = sizeof(rights) };
	long size;

	do
		size = sys(__NR_recvmsg, socket, &head, VS_MSG_CMSG_CLOEXEC);
	while (size == -EINTR);
	if (size == 1 && what == VS_ANSWER_NOT)
		return VS_FORKER_NOT;
	if (size != 1 || what != VS_ANSWER_RUNS || rights.length != VS_RIGHTS_HEAD + sizeof(int))
		return VS_FORKER_LOST;
	/* Only a pidfd is as harmless as one, should the guest have got hold of the forker's socket. */
	size = sys(__NR_pidfd_send_signal, rights.fds[0], 0, NULL, 0);
	return size && size != -ESRCH ? VS_FORKER_LOST : rights.fds[0];
}

/* Takes the request out of the queue, and with it the descriptors that are in it. */
static int take_back(int end)
{
	char byte;
	long size;

	do
		size = sys(__NR_recvfrom, end, &byte, 1, VS_MSG_DONTWAIT, NULL, NULL);
	while (size == -EINTR);
	return size == 1;
}

/*
 * Who has taken the request decides. If that is not us, the answer comes, or the end of who did: without
 * our copy of its end of the pair, we see that.
 */
static int await(struct vs_forker *f, int *ends)
{
	struct pollfd polls[2] = { { ends[0], POLLIN, 0 }, { f->socket, 0, 0 } };
	struct __kernel_timespec time = { PATIENCE_NS / 1000000000l, PATIENCE_NS % 1000000000l };
	long ready;

	do
		ready = sys(__NR_ppoll, polls, 2, &time, NULL, 8);
	while (ready == -EINTR);
	f->wanted = !polls[0].revents;
	if (f->wanted && take_back(ends[1]))
		return VS_FORKER_NOT;
	sys_close(ends[1]);
	ends[1] = -1;
	return receive(ends[0]);
}

int vs_forker_ask(struct vs_forker *f, const struct vs_request *r, const char *term)
{
	static const int standard[VS_ASK_FDS] = { 0, 1, 2 };
	const struct vs_iovec note = { "", 1 };
	struct message message;
	int ends[2], result = VS_FORKER_NOT;

	if (compose(&message, r, term) ||
	    sys(__NR_socketpair, VS_AF_UNIX, VS_SOCK_SEQPACKET | O_CLOEXEC, 0, ends))
		return VS_FORKER_NOT;
	if (send(ends[0], message.iov, message.count, standard, 3) == (int)message.size) {
		f->wanted = send(f->socket, &note, 1, &ends[1], 1) != 1;
		if (!f->wanted)
			result = await(f, ends);
	}
	if (ends[1] >= 0)
		sys_close(ends[1]);
	sys_close(ends[0]);
	return result;
}
