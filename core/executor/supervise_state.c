/* What the supervisor tells others: its state record, and frames to whoever started it. */
#include "supervise.h"

static void seal(struct vs_state *state)
{
	state->seq++;
	state->seq_end = state->seq;
}

/* The record appears whole or not at all. */
int vs_super_first_state(struct vs_super *s)
{
	long result;
	int fd = (int)sys_openat(s->run, "state.new",
				 O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC,
				 0600);

	if (fd < 0)
		return fd;
	seal(&s->state);
	result = vs_write_full(fd, &s->state, sizeof(s->state));
	sys_close(fd);
	if (result)
		return (int)result;
	return (int)sys(__NR_renameat2, s->run, "state.new", s->run, "state", 0);
}

int vs_super_write_state(struct vs_super *s)
{
	int fd = (int)sys_openat(s->run, "state", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	long size;

	if (fd < 0)
		return fd;
	seal(&s->state);
	size = sys(__NR_pwrite64, fd, &s->state, sizeof(s->state), 0);
	sys_close(fd);
	return size == (long)sizeof(s->state) ? 0 : -EIO;
}

static void send(struct vs_super *s, const struct vs_frame *frame, size_t size)
{
	if (s->report < 0 || !vs_write_full(s->report, frame, size))
		return;
	sys_close(s->report);
	s->report = -1;
}

void vs_super_frame(struct vs_super *s, uint32_t kind, uint32_t status)
{
	struct vs_frame frame = { .magic = VS_MAGIC_FRAME, .kind = kind, .status = status };

	send(s, &frame, sizeof(frame));
}

/* Less than PIPE_BUF, so it arrives in one piece. */
void vs_super_failed(struct vs_super *s, const struct vs_failure *failure)
{
	struct {
		struct vs_frame frame;
		char text[400];
	} message = { .frame = { .magic = VS_MAGIC_FRAME,
				 .kind = VS_FRAME_FAILED,
				 .program = failure->role,
				 .op = failure->op,
				 .error = failure->error } };
	size_t phrase = strlen(failure->phrase), call = strlen(failure->call);

	if (phrase > 300)
		phrase = 300;
	if (call > 90)
		call = 90;
	memcpy(message.text, failure->phrase, phrase);
	memcpy(message.text + phrase + 1, failure->call, call);
	message.frame.byte_count = (uint32_t)(phrase + call + 2);
	send(s, &message.frame, sizeof(message.frame) + message.frame.byte_count);
}
