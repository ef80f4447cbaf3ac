/*
 * The front door and the supervisor: what their files share. `front.h` is included by them alone; the
 * interpreter knows nothing of it.
 */
#ifndef VS_FRONT_H
#define VS_FRONT_H

#include "lib.h"
#include "plan.h"
#include "process.h"
#include "sys.h"

#include <linux/stat.h>
#include <linux/time_types.h>

/* Longest absolute path of a root directory; longer ones are left to the appliance. */
#define VS_ROOT_MAX 3072

enum vs_verb {
	VS_VERB_START,
	VS_VERB_STOP,
	VS_VERB_KILL,
	VS_VERB_EXEC,
	VS_VERB_ENTER,
	VS_VERB_STATUS,
	VS_VERB_LIST,
};

enum vs_wait { VS_WAIT_NONE, VS_WAIT_READY, VS_WAIT_EXIT };

#define VS_NATIVE "vserver-native"

/* A command line that was understood completely. */
struct vs_request {
	enum vs_verb verb;
	const char *verb_word;
	/* Absolute, without a slash at its end: "" for the root of the host. */
	const char *root;
	int json;
	int quiet;
	/* `vserver NAME VERB`: an unknown name may be a verb of the appliance. */
	int historical;
	uint64_t lock_ms;
	/* start: every guest there is; no names are given */
	int all;
	int name_count;
	char **names;
	enum vs_wait wait;
	uint64_t wait_ms;
	/* stop: 0 is what guest.yaml says */
	uint64_t stop_ms;
	int signal;
	const char *signal_word;
	/* exec: 1 with, 0 without a terminal, -1 as stdin and stdout are */
	int tty;
	const char *cwd;
	int env_count;
	char **env;
	char **command;
	/*
	 * The appliance compiled just now and runs us for the deed: it is never started from here. It says so
	 * by our own name, which nobody inherits.
	 */
	int compiled;
	int argc;
	char **argv;
	char **envp;
};

/* args.c: 0, or -1 when something was not understood (the appliance's part). words: argc + 1 each. */
int vs_args(struct vs_request *r, char **names, char **env);
const char *vs_getenv(char **envp, const char *name);
/* "10", "10s", "500ms", "2m", "1h", "1d" in ms: 0 or -1 */
int vs_parse_ms(const char *text, uint64_t *ms);

/* signal_names.c: KILL, SIGKILL, 9, RTMIN+3; the number, or -1 */
int vs_signal_number(const char *word);

/* errors.c */
enum vs_code {
	VS_E_BUSY,
	VS_E_COMMAND,
	VS_E_DISK_FULL,
	VS_E_EXECUTOR,
	VS_E_GUEST_UNKNOWN,
	VS_E_HOST,
	VS_E_INTERRUPTED,
	VS_E_NOT_RUNNING,
	VS_E_OP,
	VS_E_PLAN,
	VS_E_ROOT,
	VS_E_START,
	VS_E_STATE_DIR,
	VS_E_USAGE,
};
/* Where messages go; not 2 while a terminal stands in for it. */
extern int vs_error_fd;
/* Prints one error made of texts up to NULL, with a hint or NULL; gives the code's exit code. */
int vs_error(const struct vs_request *r, enum vs_code code, const char *hint, ...);
int vs_error_unknown(const struct vs_request *r, const char *verb, const char *name);
int vs_error_not_running(const struct vs_request *r, const char *verb, const char *name);
/* A guest that is UNCLEAR. */
int vs_error_unclear(const struct vs_request *r, const char *verb, const char *name);
int vs_error_op(const struct vs_request *r, const char *phrase, const char *call, uint32_t error);
int vs_error_root(const struct vs_request *r);
/* "ENOENT", or "errno N"; buffer has room for 32 bytes */
const char *vs_errno_name(uint32_t error, char *buffer);

/* json.c: a JSON string with its quotes */
void vs_out_json(struct vs_out *out, const char *text);

/* time.c */
#define VS_ISO 25
/* "2026-11-23T14:00:00.000Z" and NUL */
void vs_iso(char *to, uint64_t epoch_ms);
/* "3m 12s" and NUL, at most 32 bytes */
void vs_uptime(char *to, uint64_t ms);
uint64_t vs_boottime_ms(void);

/* The address that the supervisor's end of its forker's socket is bound to: see PROTOCOL.md. */
struct vs_forker_name {
	uint16_t family;
	char tag[14];
	uint8_t boot[16];
	uint32_t supervisor_pid;
	/* different each time; the rest tells whose it is */
	uint64_t nonce __attribute__((packed));
};
#define VS_FORKER_NAME_FIXED offsetof(struct vs_forker_name, nonce)
void vs_forker_name(struct vs_forker_name *name, const struct vs_state *state);

/* state.c: the state record of a running guest */
/* UNCLEAR: a supervisor runs, but the record does not say which: it is damaged. Nothing may be cleaned up. */
enum vs_life { VS_LIFE_UNKNOWN, VS_LIFE_NONE, VS_LIFE_ALIVE, VS_LIFE_STALE, VS_LIFE_UNCLEAR };
struct vs_guest {
	const char *name;
	enum vs_life life;
	/* /run/vserver/guests/NAME and /var/lib/vserver/guests/NAME; -1 when not there */
	int run;
	int lib;
	/* pidfd of the supervisor when ALIVE or UNCLEAR, else -1 */
	int supervisor;
	struct vs_state state;
};
/* Opens the directories and reads the record. 0 or -errno (of something unexpected). */
int vs_look(struct vs_guest *g, const struct vs_request *r, const char *name);
void vs_look_end(struct vs_guest *g);
/* 0, -ENOENT, or -errno. -EBADMSG: no record that this build can read. */
int vs_state_read(int run, struct vs_state *state);
int vs_build_is_ours(const uint8_t build[32]);
void vs_own_build(uint8_t build[32]);
/* ROOT/var/lib/vserver/runtime/<hex>/executor; `to` has room for strlen(r->root) + VS_COPY_ROOM. */
#define VS_COPY_ROOM 100
void vs_copy_path(char *to, const struct vs_request *r, const uint8_t build[32]);
/* Opens ROOT/<middle>/NAME as a place. */
int vs_open_dir(const struct vs_request *r, const char *middle, const char *name);

/* kept.c */
struct vs_keptfile {
	int fd;
	uint8_t *at;
	size_t size;
	struct vs_kept *head;
	void *plan;
	char *text;
};
/* Opens, maps and checks a kept file but for its plan. 0, -errno, -EBADMSG (damaged). */
int vs_kept_open(struct vs_keptfile *k, int dir, const char *name);
int vs_kept_read(struct vs_keptfile *k, int fd);
/*
 * Reads what tells whether it is current, and its text, into memory that stays. There is no plan, and
 * nothing to close.
 */
int vs_kept_peek(struct vs_keptfile *k, int dir, const char *name);
/* Gives that memory to the next peek. Only for the last one. */
void vs_kept_unpeek(const struct vs_keptfile *k);
/* Was it made by this build, in this boot, from what is still there? */
int vs_kept_current(const struct vs_keptfile *k);
/* Verifies the plan and loads it into a new machine. 0 or -errno. */
int vs_kept_load(struct vs_keptfile *k, struct vs_machine *m);
/* Forgets what was written to it, and the memory that it takes; it stays mapped and reads as the file. */
void vs_kept_drop(const struct vs_keptfile *k);
/* The string of this index in the text, or "". */
const char *vs_kept_text(const struct vs_keptfile *k, uint32_t index);
/* Gives the memory back; the descriptor stays open. */
void vs_kept_unmap(struct vs_keptfile *k);
void vs_kept_close(struct vs_keptfile *k);

/* lock.c: the descriptor of the lock, -EAGAIN when it is held, -EINTR when interrupted, or -errno. */
int vs_lock_try(int run, const char *verb);
int vs_lock_wait(int run, const char *verb, uint64_t ms);
int vs_error_busy(const struct vs_request *r, const char *verb, const char *name, int run);

/* exit_record.c: exit.json */
struct vs_exit {
	/* -1: none */
	int code;
	int signal;
	char at[VS_ISO];
	char reason[16];
	/* verbatim, without the newline; "" when there is none */
	char json[160];
};
int vs_exit_write(int lib, int code, int signal, const char *reason);
/* 0, -ENOENT, or -EBADMSG */
int vs_exit_read(int lib, struct vs_exit *e);

/* lost_search.c: a pidfd of the process that supervises a guest, as /proc has it; -ESRCH, or -errno. */
int vs_find_supervisor(const struct vs_request *r, const char *name);

/*
 * lost.c: removes what a dead supervisor left; the caller holds the lock. 0 or -errno. If the supervisor is
 * not dead at all, nothing is done, and the guest is UNCLEAR.
 */
int vs_clean_lost(const struct vs_request *r, struct vs_guest *g);
/* The same with the lock taken and left; 0, -errno, -EAGAIN (busy). */
int vs_clean_lost_locked(const struct vs_request *r, struct vs_guest *g, const char *verb);

/* view.c: what status and list show of one guest */
struct vs_view {
	struct vs_guest guest;
	struct vs_keptfile kept;
	struct vs_exit exit;
	const char *word;
	/* 0: not running */
	uint32_t init_pid;
	char started[VS_ISO];
	uint64_t uptime_ms;
};
/* 0, 1 (unknown guest), 2 (it cannot be shown now: see vs_view_refuse), or -1 (the appliance's part). */
int vs_view_open(struct vs_view *v, const struct vs_request *r, const char *name);
/* Says why, and closes it; an exit code. */
int vs_view_refuse(struct vs_view *v, const struct vs_request *r);
void vs_view_close(struct vs_view *v);
void vs_view_json(struct vs_out *out, const struct vs_view *v);
/* Prints the status array of the names that are known; an exit code or -1. */
int vs_print_json(const struct vs_request *r);
/* Flushes what was printed: `code`, or 1 if that failed and it was 0. */
int vs_print_end(struct vs_out *out, int code);

/* names.c: names of guests, in memory that is never given back */
struct vs_names {
	char (*at)[VS_LIMIT_NAME + 1];
	size_t count, room;
};
int vs_names_add(struct vs_names *names, const char *name);
/* Adds every guest there is, and sorts. Both: 0 or -errno. */
int vs_names_all(struct vs_names *names, const struct vs_request *r);

/* The verbs. An exit code, or -1: the appliance's part. */
int vs_front_start(struct vs_request *r);
int vs_front_stop(struct vs_request *r);
int vs_front_kill(struct vs_request *r);
int vs_front_exec(struct vs_request *r);
int vs_front_status(struct vs_request *r);
int vs_front_list(struct vs_request *r);

/* hop.c: goes on in the executor of another build; returns only when that cannot be done. */
void vs_hop(const struct vs_request *r, const uint8_t build[32]);
/* A copy of envp with entry added, in memory of its own; NULL when there is none. */
char **vs_env_with(char **envp, const char *entry);

/* spawn.c: starts a supervisor, in the cgroup2 directory `group` or, for "-", in the
 * caller's. The pid or -errno; *report is the reading end of its frames. */
int vs_spawn(const struct vs_request *r, const char *executor, const char *name, const char *group,
	     int *report);
/* The executor copy that supervisors run from, or NULL; `room` as vs_copy_path wants it. */
const char *vs_find_copy(char *room, const struct vs_request *r);

/* signals.c */
typedef void vs_handler(int signal, void *info, void *context);
void vs_handle(int signal, vs_handler *handler, unsigned flags);
void vs_default(int signal);
#define VS_SA_RESTART 0x10000000u
/* Sets the whole mask of blocked signals: bit n-1 is signal n. */
void vs_mask(uint64_t set);
/* HUP, INT and TERM set vs_interrupted from now on, and make calls that wait return. */
extern volatile int vs_interrupted;
void vs_catch_interrupts(void);
#define VS_BIT(n) (1ull << ((n) - 1))

/* supervise.c, attach.c: the other roles */
int vs_supervise(int argc, char **argv, char **envp);
int vs_attach(int argc, char **argv, char **envp);
/* about.c: --help and --version alone; an exit code, or -1 for anything else */
int vs_about(int argc, char **argv);
/* front.c */
int vs_front(int argc, char **argv, char **envp);
/* appliance.c: starts the carried runtime; returns an exit code when it could not. */
int vs_appliance(int argc, char **argv, char **envp);

#endif
