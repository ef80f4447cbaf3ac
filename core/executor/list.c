/* `list [NAME…]`. Every guest's card must be valid, or the appliance lists them all. */
#include "front.h"

struct row {
	char name[VS_LIMIT_NAME + 1];
	char state[10];
	char pid[VS_DECIMAL];
	char uptime[32];
	struct vs_view view;
};

VS_LATE static void fill(struct row *row, const char *name)
{
	memcpy(row->name, name, strlen(name) + 1);
	memcpy(row->state, row->view.word, strlen(row->view.word) + 1);
	memcpy(row->pid, "-", 2);
	memcpy(row->uptime, "-", 2);
	if (row->view.init_pid) {
		vs_decimal(row->pid, row->view.init_pid);
		vs_uptime(row->uptime, row->view.uptime_ms);
	}
}

VS_LATE static void print_cells(struct vs_out *out, const char *const *cells, const size_t *widths)
{
	for (int i = 0; i < 4; i++) {
		vs_out_padded(out, cells[i], widths[i]);
		vs_out_text(out, "  ");
	}
	vs_out_text(out, cells[4]);
	vs_out_char(out, '\n');
}

VS_LATE static void print_table(struct vs_out *out, const struct row *rows, size_t count)
{
	size_t widths[4] = { 4, 5, 3, 6 };

	for (size_t i = 0; i < count; i++) {
		const char *const cells[] = { rows[i].name, rows[i].state, rows[i].pid, rows[i].uptime };

		for (int c = 0; c < 4; c++)
			if (strlen(cells[c]) > widths[c])
				widths[c] = strlen(cells[c]);
	}
	print_cells(out, (const char *const[]){ "NAME", "STATE", "PID", "UPTIME", "FROM" }, widths);
	for (size_t i = 0; i < count; i++) {
		const char *from = vs_kept_text(&rows[i].view.kept, VS_CARD_FROM);

		print_cells(out,
			    (const char *const[]){ rows[i].name, rows[i].state, rows[i].pid,
						   rows[i].uptime, *from ? from : "-" },
			    widths);
	}
}

VS_LATE static void print(const struct vs_request *r, struct vs_out *out, struct row *rows, size_t count)
{
	if (r->json) {
		vs_out_char(out, '[');
		for (size_t i = 0; i < count; i++) {
			if (i)
				vs_out_char(out, ',');
			vs_view_json(out, &rows[i].view);
		}
		vs_out_text(out, "]\n");
	} else if (r->quiet) {
		for (size_t i = 0; i < count; i++) {
			vs_out_text(out, rows[i].name);
			vs_out_char(out, '\n');
		}
	} else if (count || !r->name_count) {
		print_table(out, rows, count);
	}
}

static void raise(int *code, int other)
{
	if (*code < other)
		*code = other;
}

VS_LATE int vs_front_list(struct vs_request *r)
{
	static char buffer[4096];
	struct vs_out out = { .fd = 1, .size = sizeof(buffer), .buffer = buffer };
	struct vs_names names = { 0 };
	struct row *rows;
	size_t count = 0, missing = 0;
	int code = 0;
	long at;

	for (int i = 0; i < r->name_count; i++)
		if (vs_names_add(&names, r->names[i]))
			return -1;
	if (!r->name_count && vs_names_all(&names, r))
		return -1;
	at = sys_map((names.count + 1) * sizeof(*rows));
	if (sys_failed(at))
		return -1;
	rows = (struct row *)at;
	for (size_t i = 0; i < names.count; i++) {
		struct row *row = &rows[count];
		int got = vs_view_open(&row->view, r, names.at[i]);

		if (got < 0 || (got == 1 && r->historical))
			return -1;
		if (got == 2)
			raise(&code, vs_view_refuse(&row->view, r));
		/* Said when all is known to be printable. The entry moves down over one that was done. */
		if (got == 1 && r->name_count)
			memmove(names.at[missing++], names.at[i], sizeof(*names.at));
		if (got)
			continue;
		/* A thousand guests must not need as many descriptors. */
		vs_look_end(&row->view.guest);
		row->view.guest.name = row->name;
		fill(row, names.at[i]);
		count++;
	}
	for (size_t i = 0; i < missing; i++)
		raise(&code, vs_error_unknown(r, r->verb_word, names.at[i]));
	print(r, &out, rows, count);
	return vs_print_end(&out, code);
}
