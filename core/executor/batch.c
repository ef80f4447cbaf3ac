/*
 * The role @batch: plans back to back on descriptor 0; each is answered on descriptor 1 by a frame,
 * the slots and the reported bytes. Slots and descriptors last from plan to plan.
 *
 * A plan that is refused leaves the session usable, unless its header was wrong: then nobody knows
 * where the next plan begins, and the session ends after the answer.
 */
#include <linux/prctl.h>
#include <linux/uio.h>

#include "lib.h"
#include "plan.h"
#include "sys.h"

#define STREAM_LOST 2

static long write_all(struct iovec *parts, size_t count)
{
	while (count) {
		long done = sys(__NR_writev, 1, parts, count);

		if (done == -EINTR)
			continue;
		if (done < 0)
			return done;
		for (; count && (size_t)done >= parts->iov_len; parts++, count--)
			done -= (long)parts->iov_len;
		if (count) {
			parts->iov_base = (uint8_t *)parts->iov_base + done;
			parts->iov_len -= (size_t)done;
		}
	}
	return 0;
}

static long answer(const struct vs_machine *m, struct vs_frame *frame)
{
	struct iovec parts[3] = {
		{ frame, sizeof(*frame) },
		{ m->shared->slots, 0 },
		{ m->reply->at, 0 },
	};

	frame->magic = VS_MAGIC_FRAME;
	if (frame->kind == VS_FRAME_DONE) {
		frame->byte_count = (uint32_t)m->reply->used;
		parts[1].iov_len = frame->slot_count * sizeof(uint64_t);
		parts[2].iov_len = m->reply->used;
	}
	return write_all(parts, 3);
}

static long refuse(const struct vs_machine *m, const struct vs_refusal *why)
{
	struct vs_frame frame = { .kind = VS_FRAME_REFUSED, .op = why->op, .error = why->code };

	return answer(m, &frame);
}

static long run_plan(struct vs_machine *m, void *plan)
{
	struct vs_frame frame = { .kind = VS_FRAME_DONE };
	struct vs_failure failure;

	vs_machine_load(m, plan);
	if (!vs_program(m, VS_ROLE_MAIN))
		return refuse(m, &(struct vs_refusal){ VS_REFUSE_PROGRAM_ROLE, 0 });
	m->reply->used = 0;
	frame.slot_count = m->header->slot_count;
	if (vs_run(m, VS_ROLE_MAIN)) {
		vs_abandon(m);
		vs_failure(m, &failure);
		frame = (struct vs_frame){
			.kind = VS_FRAME_FAILED,
			.program = failure.role,
			.op = failure.op,
			.error = failure.error,
		};
	}
	return answer(m, &frame);
}

/* Reads one plan. Its size; 0 at the end of input; or -1 with *why filled when the stream is lost. */
static long read_plan(uint8_t *at, struct vs_refusal *why)
{
	const struct vs_header *header = (const void *)at;
	long size = vs_read_full(0, at, sizeof(*header));

	*why = (struct vs_refusal){ VS_REFUSE_TOO_SHORT, 0 };
	if (size <= 0)
		return size;
	if (size < (long)sizeof(*header))
		return -1;
	why->code = header->magic != VS_MAGIC_PLAN ? VS_REFUSE_MAGIC :
		    header->version != VS_PLAN_VERSION ? VS_REFUSE_VERSION : VS_REFUSE_SIZE;
	if (why->code != VS_REFUSE_SIZE || header->size < sizeof(*header) ||
	    header->size > VS_LIMIT_PLAN_BYTES)
		return -1;
	size = vs_read_full(0, at + sizeof(*header), header->size - sizeof(*header));
	return size == (long)(header->size - sizeof(*header)) ? (long)header->size : -1;
}

int vs_batch(void)
{
	/* Reserved, not used: memory is taken as plans and replies need it, and kept for the next. */
	long plan = sys_map(VS_LIMIT_PLAN_BYTES), reply_at = sys_map(VS_LIMIT_PLAN_BYTES);
	struct vs_reply reply = { (uint8_t *)reply_at, 0, VS_LIMIT_PLAN_BYTES };
	struct vs_machine m = { 0 };
	struct vs_refusal why;
	long size;

	if (sys_failed(plan) || sys_failed(reply_at) || vs_machine_init(&m))
		return 1;
	m.reply = &reply;
	/* what the session runs must not hold the session's pipes open */
	sys(__NR_fcntl, 0, F_SETFD, FD_CLOEXEC);
	sys(__NR_fcntl, 1, F_SETFD, FD_CLOEXEC);
	while ((size = read_plan((uint8_t *)plan, &why)) > 0) {
		/* What was begun is finished, whatever becomes of who began it. */
		sys(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
		if (vs_verify((void *)plan, (size_t)size, &why) ? refuse(&m, &why) :
								   run_plan(&m, (void *)plan))
			return 1;
	}
	if (!size)
		return 0;
	refuse(&m, &why);
	return STREAM_LOST;
}
