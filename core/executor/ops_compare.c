/*
 * COMPARE: which files of a group have the same bytes. Each is read once, a block of all of them at a time, and
 * none any further than it is equal to another.
 */
#include "compare.h"
#include "lib.h"
#include "ops.h"
#include "sys.h"

/* Blocks of one group, all together and each. More than a processor's own cache would only be slower. */
#define ROOM_BYTES (4ull << 20)
#define BLOCK_BYTES (128ull << 10)

struct group {
	struct vs_compare_head head;
	int digesting;
	int alone;
	struct vs_member members[VS_COMPARE_MOST];
};

typedef uint64_t vector __attribute__((vector_size(16), aligned(1), may_alias));

VS_LATE static int is_equal(const uint8_t *a, const uint8_t *b, uint64_t length)
{
	const vector *left = (const void *)a, *right = (const void *)b;
	uint64_t rest = length % 64;

	for (const vector *end = left + length / 64 * 4; left < end; left += 4, right += 4) {
		vector other = (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) |
			       (left[3] ^ right[3]);

		if (other[0] | other[1])
			return 0;
	}
	return !memcmp(left, right, rest);
}

/* Members before this one are sorted already: the first of its class that begins a new one is its own. */
VS_LATE static uint32_t sort_in(const struct group *g, const uint32_t *before, uint32_t i, uint64_t length)
{
	for (uint32_t j = 0; j < i; j++) {
		const struct vs_member *other = &g->members[j];

		if (other->fd >= 0 && before[j] == before[i] && other->result.class == j &&
		    is_equal(other->block, g->members[i].block, length))
			return j;
	}
	return i;
}

/* Those that are equal to no other are not read any further. How many are. */
VS_LATE static uint32_t drop_alone(struct group *g)
{
	uint32_t sizes[VS_COMPARE_MOST] = { 0 }, left = 0;

	if (g->alone)
		return 1;

	for (uint32_t i = 0; i < g->head.count; i++)
		if (g->members[i].fd >= 0)
			sizes[g->members[i].result.class]++;
	for (uint32_t i = 0; i < g->head.count; i++) {
		if (g->members[i].fd >= 0 && sizes[g->members[i].result.class] == 1)
			vs_member_close(&g->members[i]);
		left += g->members[i].fd >= 0;
	}
	return left;
}

/*
 * Those that lead from here on take over what was digested for the one that led before. That one has the lowest
 * number of them all, so it comes last.
 */
VS_LATE static void digest_block(struct group *g, const uint32_t *before, uint64_t at, uint64_t length)
{
	for (uint32_t i = g->head.count; i--;) {
		struct vs_member *member = &g->members[i];

		if (member->fd < 0 || member->result.class != i)
			continue;
		member->sha = g->members[before[i]].sha;
		vs_sha256_blocks(&member->sha, member->block, length / VS_SHA256_BLOCK);
		if (at + length < g->head.size)
			continue;
		vs_sha256_end(&member->sha, member->block + length / VS_SHA256_BLOCK * VS_SHA256_BLOCK,
			      g->head.size, member->result.digest);
		member->result.digested = 1;
	}
}

VS_LATE static void compare_block(struct group *g, uint64_t at, uint64_t length)
{
	uint32_t before[VS_COMPARE_MOST];

	for (uint32_t i = 0; i < g->head.count; i++)
		before[i] = g->members[i].result.class;
	for (uint32_t i = 0; i < g->head.count; i++) {
		struct vs_member *member = &g->members[i];
		long error;

		if (member->fd < 0)
			continue;
		error = vs_member_read(&g->head, member, at, length);
		if (error) {
			member->result.error = (uint32_t)-error;
			vs_member_close(member);
		} else {
			member->result.class = sort_in(g, before, i, length);
		}
	}
	if (g->digesting)
		digest_block(g, before, at, length);
}

/* Class of all that is there: the first of them. */
VS_LATE static void begin(struct group *g)
{
	uint32_t first = 0;

	while (first < g->head.count && g->members[first].result.error)
		first++;
	for (uint32_t i = 0; i < g->head.count; i++)
		g->members[i].result.class = g->members[i].result.error ? i : first;
	if (g->digesting && first < g->head.count)
		vs_sha256_begin(&g->members[first].sha);
}

VS_LATE static void compare(struct group *g, uint8_t *room)
{
	uint64_t stride = (ROOM_BYTES / g->head.count) & ~4095ull, block = stride - 64, end;

	if (block > BLOCK_BYTES)
		block = BLOCK_BYTES;
	/* small files lie close together */
	if (block > g->head.length)
		block = g->head.length;
	if (stride > block + 64)
		stride = (block + 64 + 63) & ~63ull;
	for (uint32_t i = 0; i < g->head.count; i++)
		g->members[i].block = room + i * stride;
	begin(g);
	end = g->head.offset + g->head.length;
	for (uint64_t at = g->head.offset; drop_alone(g) && at < end; at += block)
		compare_block(g, at, end - at < block ? end - at : block);
	for (uint32_t i = 0; i < g->head.count; i++)
		vs_member_close(&g->members[i]);
}

static uint64_t entry_bytes(const struct vs_compare_entry *entry)
{
	return (sizeof(*entry) + entry->path_bytes + 8) & ~7ull;
}

/* Bytes of the group at `at`, of which `left` bytes are there, or -EINVAL. */
VS_LATE static long check_group(const uint8_t *at, uint64_t left, struct vs_compare_head *head)
{
	uint64_t used = sizeof(*head);
	struct vs_compare_entry entry;

	if (left < used)
		return -EINVAL;
	memcpy(head, at, sizeof(*head));
	if (!head->count || head->count > VS_COMPARE_MOST || head->reserved || head->offset > head->size ||
	    head->length > head->size - head->offset)
		return -EINVAL;
	for (uint32_t i = 0; i < head->count; i++) {
		const char *path = (const char *)at + used + sizeof(entry);

		if (left - used < sizeof(entry))
			return -EINVAL;
		memcpy(&entry, at + used, sizeof(entry));
		if (entry.flags & ~VS_COMPARED_CAREFULLY || left - used < entry_bytes(&entry) ||
		    memchr(path, 0, entry.path_bytes) || path[entry.path_bytes])
			return -EINVAL;
		used += entry_bytes(&entry);
	}
	return (long)used;
}

VS_LATE long vs_op_compare(struct vs_machine *m, const struct vs_op *op)
{
	static struct group g;
	static uint8_t *room;
	static int able;
	const uint8_t *at = vs_at(m, op->args[0]);
	uint64_t left = vs_length(op->args[0]), flags = op->args[1];

	if (flags & ~(uint64_t)(VS_COMPARE_CACHED | VS_COMPARE_DIGEST))
		return -EINVAL;
	if (!room) {
		long mapped = sys_map(ROOM_BYTES);

		able = vs_sha256_able();
		if (sys_failed(mapped))
			return mapped;
		room = (uint8_t *)mapped;
	}
	while (left) {
		long size = check_group(at, left, &g.head), error;
		struct vs_compare_entry entry;
		uint8_t *results;

		if (size < 0)
			return size;
		error = vs_extend_reply(m, g.head.count * sizeof(g.members->result), &results);
		if (error)
			return error;
		g.alone = !!(flags & VS_COMPARE_DIGEST);
		g.digesting = able && g.head.length && g.head.length == g.head.size;
		left -= (uint64_t)size;
		at += sizeof(g.head);
		for (uint32_t i = 0; i < g.head.count; i++, at += entry_bytes(&entry)) {
			memcpy(&entry, at, sizeof(entry));
			vs_member_open(&g.members[i], at, flags);
		}
		compare(&g, room);
		for (uint32_t i = 0; i < g.head.count; i++)
			memcpy(results + i * sizeof(g.members->result), &g.members[i].result,
			       sizeof(g.members->result));
	}
	return 0;
}
