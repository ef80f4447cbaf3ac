/*
 * Several guests in one command. Their order matters where `after` of one names another, which the kept plan
 * tells; it is the appliance's part then, as it is when any of the plans does not hold any more. So all are
 * looked at before the first one starts.
 */
#include "front_start.h"

static int is_unordered(const struct vs_request *r, const char *name)
{
	int run = vs_open_dir(r, "/run/vserver/guests/", name), holds;
	struct vs_keptfile kept;

	if (run < 0)
		return 0;
	holds = !vs_kept_peek(&kept, run, "start.kept");
	if (holds) {
		holds = vs_kept_current(&kept) && !(kept.head->flags & VS_KEPT_ORDERED);
		vs_kept_unpeek(&kept);
	}
	sys_close(run);
	return holds;
}

static int take_all(struct vs_request *r)
{
	struct vs_names names = { 0 };
	long at;

	if (vs_names_all(&names, r) || !names.count)
		return -1;
	at = sys_map(names.count * sizeof(*r->names));
	if (sys_failed(at))
		return -1;
	r->names = (char **)at;
	for (size_t i = 0; i < names.count; i++)
		r->names[r->name_count++] = names.at[i];
	return 0;
}

static int has_twice(const struct vs_request *r)
{
	for (int i = 0; i < r->name_count; i++)
		for (int j = 0; j < i; j++)
			if (vs_equal(r->names[i], r->names[j]))
				return 1;
	return 0;
}

int vs_start_names(struct vs_request *r)
{
	if (r->all ? take_all(r) : !r->compiled && has_twice(r))
		return -1;
	if (r->compiled || r->name_count == 1)
		return 0;
	for (int i = 0; i < r->name_count; i++)
		if (!is_unordered(r, r->names[i]))
			return -1;
	return 0;
}
