/* Starting guests: the jobs, shared by the loop (front_start.c) and what it says (start_report.c). */
#ifndef VS_FRONT_START_H
#define VS_FRONT_START_H

#include "front.h"

enum stage {
	STAGE_NEW,
	/* waiting for the lock */
	STAGE_LOCK,
	/* the supervisor runs HOST */
	STAGE_BOOT,
	/* waiting for READY or EXITED */
	STAGE_WAIT,
	STAGE_DONE,
};

enum outcome {
	OUT_NONE,
	OUT_STARTED,
	OUT_ALREADY,
	/* init has ended, as was waited for; code is its status */
	OUT_ENDED,
	/* said so; code is the exit code */
	OUT_FAILED,
	OUT_INTERRUPTED,
	/* nothing was done, and nothing can be */
	OUT_APPLIANCE,
	/* a replay failed, and was torn down */
	OUT_APPLIANCE_AGAIN,
};

struct job {
	const char *name;
	enum stage stage;
	enum outcome outcome;
	int code;
	int printed;
	int started;
	struct vs_guest guest;
	struct vs_keptfile kept;
	uint32_t notifies;
	int lock;
	/* the supervisor: our child, not waited for, so its pid stays its own; and its frames */
	int pid;
	int report;
	uint64_t deadline;
	/* of a FAILED frame: errno, and the phrase and the call, both NUL-terminated */
	uint32_t error;
	char failure[512];
};

struct starting {
	const struct vs_request *request;
	const char *executor;
	struct job *jobs;
	struct pollfd *polls;
	int count;
	/* how many jobs, from the first one, have been printed */
	int printed;
	int interrupted;
};

/* The kernel's siginfo, as far as a queued signal has it. */
struct vs_siginfo {
	int32_t signo, error, code, pad;
	int32_t pid, uid;
	int64_t value;
	uint8_t rest[96];
};
#define VS_SI_QUEUE (-1)

/* start_many.c: settles which guests are meant. 0, or -1: the appliance's part. */
int vs_start_names(struct vs_request *r);

/* Runs all jobs to their end. */
void vs_start_run(struct starting *s);

/* start_report.c. Those that give an int say what went wrong and give the exit code. */
void vs_start_print(struct starting *s);
int vs_start_failed(struct starting *s, struct job *job);
int vs_start_lost(struct starting *s, struct job *job);
int vs_start_not_ready(struct starting *s, struct job *job);
int vs_start_ended_early(struct starting *s, struct job *job, uint32_t status);
/* The exit code that stands for init's wait status: power-off counts as 0. */
int vs_start_exit_code(uint32_t status);

#endif
