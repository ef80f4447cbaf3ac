/* `start` from the outside: what it prints, its exit code, and when the appliance takes over. */
#include "front_start.h"

#include <linux/poll.h>

static void say(const char *name, const char *what)
{
	char buffer[128];
	struct vs_out out = { .fd = 1, .size = sizeof(buffer), .buffer = buffer };

	vs_out_text(&out, name);
	vs_out_text(&out, what);
	vs_flush(&out);
}

/* In the order of the names, whatever the order in which they became ready. */
void vs_start_print(struct starting *s)
{
	const struct vs_request *r = s->request;

	for (; s->printed < s->count; s->printed++) {
		struct job *job = &s->jobs[s->printed];
		int waits = r->wait == VS_WAIT_EXIT && job->started;

		if (!job->printed && (waits || job->outcome == OUT_STARTED || job->outcome == OUT_ALREADY)) {
			job->printed = 1;
			if (!r->quiet && !r->json)
				say(job->name, job->outcome == OUT_ALREADY ? " is already running\n" :
									      " started\n");
		}
		if (job->stage != STAGE_DONE && !waits)
			return;
	}
}

int vs_start_failed(struct starting *s, struct job *job)
{
	return vs_error_op(s->request, job->failure, job->failure + strlen(job->failure) + 1, job->error);
}

int vs_start_lost(struct starting *s, struct job *job)
{
	return vs_error(s->request, VS_E_START, "vserver status shows what is left; start it again",
			"Cannot start \"", job->name, "\": its supervisor died", NULL);
}

int vs_start_not_ready(struct starting *s, struct job *job)
{
	char hint[128], time[VS_DECIMAL];
	uint64_t ms = s->request->wait_ms;

	vs_decimal(time, ms % 1000 ? ms : ms / 1000);
	memcpy(hint, "vserver logs ", 13);
	memcpy(hint + 13, job->name, strlen(job->name) + 1);
	memcpy(hint + strlen(hint), " shows how far it came; it goes on booting", 43);
	return vs_error(s->request, VS_E_START, hint, "Cannot start \"", job->name,
			"\": it was not ready after ", time, ms % 1000 ? " ms" : " s", NULL);
}

int vs_start_ended_early(struct starting *s, struct job *job, uint32_t status)
{
	char number[VS_DECIMAL];

	vs_decimal(number, status & 127 ? status & 127 : status >> 8 & 255);
	return vs_error(s->request, VS_E_START, NULL, "Cannot start \"", job->name,
			"\": its init ended before it was ready (",
			status & 127 ? "signal " : "exit code ", number, ")", NULL);
}

int vs_start_exit_code(uint32_t status)
{
	uint32_t signal = status & 127;

	if (!signal)
		return (int)(status >> 8 & 255);
	/* reboot(2) in a pid namespace: halt and power-off */
	return signal == 2 ? 0 : 128 + (int)signal;
}

static int exit_code(const struct starting *s, int *appliance)
{
	int code = 0;

	*appliance = OUT_NONE;
	for (int i = 0; i < s->count; i++) {
		const struct job *job = &s->jobs[i];

		if (job->outcome == OUT_APPLIANCE || job->outcome == OUT_APPLIANCE_AGAIN)
			*appliance = (int)job->outcome;
		else if (job->code > code)
			code = job->code;
	}
	return code;
}

int vs_front_start(struct vs_request *r)
{
	struct { struct job job; struct pollfd poll; } one = { 0 };
	struct starting s = { .request = r };
	int code, appliance;
	char **envp;
	long at = (long)&one;

	s.executor = vs_find_copy(__builtin_alloca(strlen(r->root) + VS_COPY_ROOM), r);
	if (!s.executor || vs_start_names(r))
		return -1;
	s.count = r->name_count;
	if (s.count > 1)
		at = sys_map((size_t)s.count * (sizeof(struct job) + sizeof(struct pollfd)));
	if (sys_failed(at))
		return -1;
	s.jobs = (struct job *)at;
	s.polls = (struct pollfd *)(s.jobs + s.count);
	for (int i = 0; i < s.count; i++) {
		s.jobs[i].name = r->names[i];
		s.jobs[i].lock = s.jobs[i].report = -1;
		s.jobs[i].guest.run = s.jobs[i].guest.lib = s.jobs[i].guest.supervisor = -1;
	}
	vs_catch_interrupts();
	vs_mask(VS_BIT(1) | VS_BIT(2) | VS_BIT(15));
	vs_start_run(&s);
	vs_mask(0);
	if (s.interrupted)
		return vs_error(r, VS_E_INTERRUPTED, NULL, "Cannot start \"", r->names[0],
				"\": interrupted", NULL);
	code = exit_code(&s, &appliance);
	if (appliance == OUT_NONE) {
		int shown = r->json ? vs_print_json(r) : 0;

		return shown > code ? shown : code;
	}
	if (appliance == OUT_APPLIANCE || r->compiled)
		return -1;
	/* Compile afresh, once: the appliance reports what fails then. */
	envp = vs_env_with(r->envp, "VSERVER_REPLAY_FAILED=1");
	return vs_appliance(r->argc, r->argv, envp ? envp : r->envp);
}
