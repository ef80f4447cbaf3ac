/*
 * The verifier. After it has said yes, the interpreter checks no index, slot or offset again.
 *
 * It reads every field through the bounds established so far, and in one order only: header, programs,
 * ops. Sums are made in 64 bits from 32-bit fields, so none can wrap.
 */
#include <linux/netlink.h>
#include <linux/sched.h>

#include "lib.h"
#include "plan.h"

/*
 * The kinds that each argument of each op may have, a bit each; none: must be unused (IMM 0). Made from
 * `shape` in core/plan/abi.ts.
 */
static const uint8_t shapes[][6] = VS_SHAPES;
#define OP_CODES (sizeof(shapes) / sizeof(shapes[0]))

struct plan {
	const struct vs_header *header;
	const struct vs_program *programs;
	const struct vs_op *ops;
	const uint8_t *data;
};

static uint32_t offset_of(uint64_t arg)
{
	return (uint32_t)arg;
}

static uint32_t length_of(uint64_t arg)
{
	return (uint32_t)(arg >> 32);
}

static uint32_t check_header(struct plan *plan, const uint8_t *at, size_t size)
{
	const struct vs_header *header = (const void *)at;
	uint64_t programs, ops, data;

	if (size < sizeof(*header))
		return VS_REFUSE_TOO_SHORT;
	if (header->magic != VS_MAGIC_PLAN)
		return VS_REFUSE_MAGIC;
	if (header->version != VS_PLAN_VERSION)
		return VS_REFUSE_VERSION;
	if (header->size != size || size > VS_LIMIT_PLAN_BYTES)
		return VS_REFUSE_SIZE;
	if (header->reserved)
		return VS_REFUSE_RESERVED;
	if (!header->program_count || header->program_count > VS_LIMIT_PROGRAMS)
		return VS_REFUSE_PROGRAM_COUNT;
	if (header->op_count > VS_LIMIT_OPS)
		return VS_REFUSE_OP_COUNT;
	if (header->slot_count > VS_LIMIT_SLOTS)
		return VS_REFUSE_SLOT;
	programs = sizeof(*header);
	ops = programs + (uint64_t)header->program_count * sizeof(struct vs_program);
	data = ops + (uint64_t)header->op_count * sizeof(struct vs_op);
	if (data + header->data_size != size)
		return VS_REFUSE_SIZE;
	plan->header = header;
	plan->programs = (const void *)(at + programs);
	plan->ops = (const void *)(at + ops);
	plan->data = at + data;
	return 0;
}

/* Programs lie one after the other and cover all ops; no role comes twice. */
static uint32_t check_programs(const struct plan *plan)
{
	uint64_t next = 0;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < plan->header->program_count; i++) {
		const struct vs_program *program = &plan->programs[i];

		if (program->reserved)
			return VS_REFUSE_RESERVED;
		if (program->role < VS_ROLE_MAIN || program->role > VS_ROLE_FORKER ||
		    (seen & 1u << program->role))
			return VS_REFUSE_PROGRAM_ROLE;
		seen |= 1u << program->role;
		if (program->first != next)
			return VS_REFUSE_PROGRAM_RANGE;
		next += program->count;
	}
	return next == plan->header->op_count ? 0 : VS_REFUSE_PROGRAM_RANGE;
}

/* Is there a NUL in data at or after `from`? If so, *next is the offset behind it. */
static int text_at(const struct plan *plan, uint32_t from, uint32_t *next)
{
	const uint8_t *end;

	if (from >= plan->header->data_size)
		return 0;
	end = memchr(plan->data + from, 0, plan->header->data_size - from);
	if (!end)
		return 0;
	*next = (uint32_t)(end - plan->data) + 1;
	return 1;
}

static uint32_t check_arg(const struct plan *plan, uint32_t kind, uint64_t arg)
{
	uint32_t next;

	if (kind == VS_ARG_IMM)
		return 0;
	if (kind == VS_ARG_SLOT)
		return arg < plan->header->slot_count ? 0 : VS_REFUSE_SLOT;
	if ((uint64_t)offset_of(arg) + length_of(arg) > plan->header->data_size)
		return VS_REFUSE_DATA_RANGE;
	if (kind == VS_ARG_DATA)
		return 0;
	if (!length_of(arg) || !text_at(plan, offset_of(arg), &next) ||
	    next != offset_of(arg) + length_of(arg))
		return VS_REFUSE_TEXT;
	return 0;
}

/* A child that shares our memory must not run beside us, and the executor gives it its stack. */
static uint32_t check_clone(const struct plan *plan, const struct vs_program *self,
			    const struct vs_op *op)
{
	struct clone_args args;
	uint32_t i;

	if (length_of(op->args[0]) != sizeof(args))
		return VS_REFUSE_ARG_SHAPE;
	memcpy(&args, plan->data + offset_of(op->args[0]), sizeof(args));
	if ((args.flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM ||
	    (args.flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_SETTLS)) || args.stack ||
	    args.stack_size)
		return VS_REFUSE_CLONE_FLAGS;
	for (i = 0; i < plan->header->program_count; i++)
		if (plan->programs[i].role == op->args[1])
			break;
	if (i == plan->header->program_count || &plan->programs[i] == self)
		return VS_REFUSE_CLONE_ROLE;
	return 0;
}

/* One or more whole messages of which at least one asks for an acknowledgement. */
static uint32_t check_netlink(const struct plan *plan, uint64_t arg)
{
	uint32_t at = offset_of(arg), left = length_of(arg), acks = 0;

	while (left) {
		struct nlmsghdr message;
		uint32_t step;

		if (left < sizeof(message))
			return VS_REFUSE_ARG_SHAPE;
		memcpy(&message, plan->data + at, sizeof(message));
		if (message.nlmsg_len < sizeof(message) || message.nlmsg_len > left)
			return VS_REFUSE_ARG_SHAPE;
		acks += !!(message.nlmsg_flags & NLM_F_ACK);
		step = NLMSG_ALIGN(message.nlmsg_len);
		step = step > left ? left : step;
		at += step;
		left -= step;
	}
	return acks ? 0 : VS_REFUSE_ARG_SHAPE;
}

/* What the kinds alone do not say. */
static uint32_t check_meaning(const struct plan *plan, const struct vs_program *self,
			      const struct vs_op *op)
{
	uint32_t length = length_of(op->args[0]);

	switch (op->code) {
	case VS_OP_PUT:
		return length >= 1 && length <= 8 ? 0 : VS_REFUSE_ARG_SHAPE;
	case VS_OP_LOAD:
		return length && length <= 8 && !(length & (length - 1)) ? 0 : VS_REFUSE_ARG_SHAPE;
	case VS_OP_DECIMAL:
	case VS_OP_CLOCK:
		return length ? 0 : VS_REFUSE_ARG_SHAPE;
	case VS_OP_CLONE:
		return check_clone(plan, self, op);
	case VS_OP_OPEN:
	case VS_OP_WAIT:
		return op->args[0] < VS_LIMIT_GATES ? 0 : VS_REFUSE_GATE;
	case VS_OP_NETLINK:
		return check_netlink(plan, op->args[1]);
	case VS_OP_EXEC:
		for (int i = 1; i <= 2; i++)
			if (op->kinds[i] == VS_ARG_DATA && length_of(op->args[i]) < sizeof(char *))
				return VS_REFUSE_ARG_SHAPE;
		return 0;
	case VS_OP_SERVE:
		length = length_of(op->args[1]);
		if (length < 2 || plan->data[offset_of(op->args[1]) + length - 1])
			return VS_REFUSE_ARG_SHAPE;
		return 0;
	default:
		return 0;
	}
}

static uint32_t check_op(const struct plan *plan, const struct vs_program *self,
			 const struct vs_op *op)
{
	uint32_t next, code;

	if (op->code >= OP_CODES)
		return VS_REFUSE_OP_CODE;
	if (op->code != VS_OP_SYSCALL && op->nr)
		return VS_REFUSE_UNUSED;
	for (int i = 0; i < 6; i++) {
		uint8_t shape = shapes[op->code][i];

		if (op->kinds[i] > VS_ARG_TEXT)
			return VS_REFUSE_ARG_KIND;
		if (!shape && (op->kinds[i] != VS_ARG_IMM || op->args[i]))
			return VS_REFUSE_UNUSED;
		if (shape && !(shape & 1 << op->kinds[i]))
			return VS_REFUSE_ARG_SHAPE;
		code = check_arg(plan, op->kinds[i], op->args[i]);
		if (code)
			return code;
	}
	if (op->out != VS_NO_SLOT && op->out >= plan->header->slot_count)
		return VS_REFUSE_OUT;
	if (op->whole > 6 || (op->whole && op->code != VS_OP_SYSCALL))
		return VS_REFUSE_WHOLE;
	if (!text_at(plan, op->phrase, &next) || !text_at(plan, next, &next))
		return VS_REFUSE_PHRASE;
	return check_meaning(plan, self, op);
}

int vs_verify(const void *at, size_t size, struct vs_refusal *why)
{
	struct plan plan;

	why->op = 0;
	why->code = check_header(&plan, at, size);
	if (why->code)
		return -1;
	why->code = check_programs(&plan);
	if (why->code)
		return -1;
	for (uint32_t p = 0; p < plan.header->program_count; p++) {
		const struct vs_program *program = &plan.programs[p];

		for (uint32_t i = 0; i < program->count; i++) {
			why->op = program->first + i;
			why->code = check_op(&plan, program, &plan.ops[why->op]);
			if (why->code)
				return -1;
		}
	}
	why->op = 0;
	return 0;
}
