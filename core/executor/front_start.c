/*
 * `start`: replays kept plans. Each guest is a job: its lock is taken, its record and its plan are looked
 * at, a supervisor is started, and its frames are awaited. A handful of jobs runs at a time.
 */
#include "front_start.h"

#include <linux/poll.h>
#include <linux/wait.h>

#define AT_ONCE 4
#define LOCK_PAUSE_MS 10
#define SILENT_MS 200

static void end_job(struct job *job, enum outcome outcome)
{
	job->stage = STAGE_DONE;
	job->outcome = outcome;
	if (job->lock >= 0)
		sys_close(job->lock);
	if (job->report >= 0)
		sys_close(job->report);
	job->lock = job->report = -1;
	vs_look_end(&job->guest);
}

/* The lock is ours: look again, and start. */
static void launch(struct starting *s, struct job *job)
{
	const struct vs_request *r = s->request;
	struct vs_guest *guest = &job->guest;
	int error;

	vs_look_end(guest);
	error = vs_look(guest, r, job->name);
	if (!error && guest->life == VS_LIFE_STALE)
		error = vs_clean_lost(r, guest);
	if (guest->life == VS_LIFE_UNCLEAR) {
		job->code = vs_error_unclear(r, "start", job->name);
		return end_job(job, OUT_FAILED);
	}
	if (error || guest->run < 0)
		return end_job(job, OUT_APPLIANCE);
	/* It is on its way down: its start comes after that. */
	if (guest->life == VS_LIFE_ALIVE && guest->state.state == VS_STATE_STOPPING &&
	    vs_boottime_ms() < job->deadline) {
		if (job->lock >= 0)
			sys_close(job->lock);
		job->lock = -1;
		return;
	}
	if (guest->life == VS_LIFE_ALIVE)
		return end_job(job, OUT_ALREADY);
	error = vs_kept_peek(&job->kept, guest->run, "start.kept");
	if (error || !vs_kept_current(&job->kept))
		return end_job(job, OUT_APPLIANCE);
	job->notifies = job->kept.head->flags & VS_KEPT_NOTIFIES;
	error = vs_spawn(r, s->executor, job->name, vs_kept_text(&job->kept, VS_CARD_SUPERVISORS),
			 &job->report);
	if (error < 0)
		return end_job(job, OUT_APPLIANCE);
	job->pid = error;
	job->stage = STAGE_BOOT;
}

static void take_lock(struct starting *s, struct job *job)
{
	job->lock = vs_lock_try(job->guest.run, "start");
	if (job->lock >= 0)
		return launch(s, job);
	if (job->lock != -EAGAIN)
		return end_job(job, OUT_APPLIANCE);
	if (vs_boottime_ms() >= job->deadline) {
		job->code = 5;
		vs_error_busy(s->request, "start", job->name, job->guest.run);
		end_job(job, OUT_FAILED);
	}
}

static void begin(struct starting *s, struct job *job)
{
	const struct vs_request *r = s->request;

	if (vs_look(&job->guest, r, job->name))
		return end_job(job, OUT_APPLIANCE);
	if (job->guest.life == VS_LIFE_ALIVE && job->guest.state.state != VS_STATE_STOPPING)
		return end_job(job, OUT_ALREADY);
	if (job->guest.life == VS_LIFE_UNKNOWN) {
		if (r->historical)
			return end_job(job, OUT_APPLIANCE);
		job->code = vs_error_unknown(r, "start", job->name);
		return end_job(job, OUT_FAILED);
	}
	if (job->guest.run < 0)
		return end_job(job, OUT_APPLIANCE);
	job->stage = STAGE_LOCK;
	job->deadline = vs_boottime_ms() + r->lock_ms;
	take_lock(s, job);
}

static void started(struct starting *s, struct job *job)
{
	if (job->lock >= 0)
		sys_close(job->lock);
	job->lock = -1;
	job->started = 1;
	if (s->request->wait == VS_WAIT_NONE)
		return end_job(job, OUT_STARTED);
	job->stage = STAGE_WAIT;
	/* An init that says nothing is ready when it is not gone at once. */
	job->deadline = vs_boottime_ms() + (job->notifies ? s->request->wait_ms : SILENT_MS);
	if (s->request->wait == VS_WAIT_EXIT)
		vs_start_print(s);
}

/* The supervisor is gone, or will say no more. */
static void hung_up(struct starting *s, struct job *job)
{
	sys(__NR_wait4, job->pid, NULL, 0, NULL);
	if (s->interrupted)
		return end_job(job, OUT_INTERRUPTED);
	if (job->stage == STAGE_BOOT && !s->request->compiled)
		return end_job(job, OUT_APPLIANCE_AGAIN);
	job->code = job->failure[0] ? vs_start_failed(s, job) : vs_start_lost(s, job);
	end_job(job, OUT_FAILED);
}

static void read_frame(struct starting *s, struct job *job)
{
	struct vs_frame frame;
	long size = vs_read_full(job->report, &frame, sizeof(frame));

	if (size != sizeof(frame) || frame.magic != VS_MAGIC_FRAME)
		return hung_up(s, job);
	/* What was interrupted is stopping: its end is all that matters. */
	if (s->interrupted && frame.kind != VS_FRAME_FAILED)
		return;
	switch (frame.kind) {
	case VS_FRAME_FAILED:
		job->error = frame.error;
		if (frame.byte_count >= sizeof(job->failure) - 1)
			frame.byte_count = sizeof(job->failure) - 2;
		vs_read_full(job->report, job->failure, frame.byte_count);
		break;
	case VS_FRAME_STARTED:
		if (!job->started)
			started(s, job);
		break;
	case VS_FRAME_READY:
		if (s->request->wait == VS_WAIT_READY)
			end_job(job, OUT_STARTED);
		break;
	case VS_FRAME_EXITED:
		job->code = vs_start_exit_code(frame.status);
		if (s->request->wait == VS_WAIT_READY)
			job->code = vs_start_ended_early(s, job, frame.status);
		end_job(job, s->request->wait == VS_WAIT_READY ? OUT_FAILED : OUT_ENDED);
		break;
	}
}

/* Before STARTED nothing may stay behind; a guest that has started goes on without us. */
static void interrupt(struct starting *s)
{
	struct vs_siginfo info = { .signo = 15, .code = VS_SI_QUEUE, .value = 1 };

	s->interrupted++;
	for (int i = 0; i < s->count; i++) {
		struct job *job = &s->jobs[i];

		/* A child that nobody has waited for keeps its pid. */
		if (job->stage == STAGE_BOOT && s->interrupted == 1)
			sys(__NR_rt_sigqueueinfo, job->pid, 15, &info);
		else if (job->stage == STAGE_BOOT)
			sys(__NR_kill, job->pid, 9);
		else if (job->stage != STAGE_DONE)
			end_job(job, OUT_INTERRUPTED);
	}
}

static void check_deadline(struct starting *s, struct job *job, uint64_t now)
{
	if (job->stage == STAGE_LOCK)
		return take_lock(s, job);
	if (job->stage != STAGE_WAIT || s->request->wait != VS_WAIT_READY || now < job->deadline)
		return;
	if (!job->notifies)
		return end_job(job, OUT_STARTED);
	job->code = vs_start_not_ready(s, job);
	end_job(job, OUT_FAILED);
}

/* ms until the next deadline of a job, -1: none */
static int64_t patience(const struct starting *s, uint64_t now)
{
	int64_t least = -1;

	for (int i = 0; i < s->count; i++) {
		const struct job *job = &s->jobs[i];
		int64_t left = LOCK_PAUSE_MS;

		if (job->stage == STAGE_WAIT && s->request->wait == VS_WAIT_READY)
			left = job->deadline > now ? (int64_t)(job->deadline - now) : 0;
		else if (job->stage != STAGE_LOCK)
			continue;
		if (least < 0 || left < least)
			least = left;
	}
	return least;
}

static void wait_for_events(struct starting *s)
{
	uint64_t none = 0, now = vs_boottime_ms();
	int64_t left = patience(s, now);
	struct __kernel_timespec time = { left / 1000, left % 1000 * 1000000 };
	int count = 0;
	long ready;

	for (int i = 0; i < s->count; i++)
		if (s->jobs[i].report >= 0)
			s->polls[count++] = (struct pollfd){ s->jobs[i].report, POLLIN, 0 };
	ready = sys(__NR_ppoll, s->polls, count, left < 0 ? NULL : &time, &none, 8);
	if (vs_interrupted) {
		vs_interrupted = 0;
		return interrupt(s);
	}
	count = 0;
	for (int i = 0; i < s->count; i++)
		if (s->jobs[i].report >= 0 && ready > 0 && s->polls[count++].revents)
			read_frame(s, &s->jobs[i]);
	for (int i = 0; i < s->count; i++)
		check_deadline(s, &s->jobs[i], vs_boottime_ms());
}

void vs_start_run(struct starting *s)
{
	int next = 0, active;

	do {
		active = 0;
		for (int i = 0; i < next; i++)
			active += s->jobs[i].stage != STAGE_DONE;
		for (; next < s->count && active < AT_ONCE && !s->interrupted; next++) {
			begin(s, &s->jobs[next]);
			active += s->jobs[next].stage != STAGE_DONE;
		}
		vs_start_print(s);
		if (active)
			wait_for_events(s);
	} while (active || (next < s->count && !s->interrupted));
	vs_start_print(s);
}
