/* What is known of one guest: its directories, its state record, and whether its supervisor lives. */
#include "front.h"

/* The path is as long as it must be: a larger frame would cost a page fault in what is called next. */
int vs_open_dir(const struct vs_request *r, const char *middle, const char *name)
{
	char *path = __builtin_alloca(strlen(r->root) + strlen(middle) + strlen(name) + 1);

	vs_put(path, vs_put(path, vs_put(path, 0, r->root), middle), name);
	return (int)sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
}

void vs_copy_path(char *to, const struct vs_request *r, const uint8_t build[32])
{
	size_t used = vs_put(to, 0, r->root);

	used = vs_put(to, used, "/var/lib/vserver/runtime/");
	vs_hex(to + used, build, 32);
	vs_put(to, used + 64, "/executor");
}

void vs_own_build(uint8_t build[32])
{
	for (int i = 0; i < 32; i++)
		build[i] = vs_build.id[i];
}

int vs_build_is_ours(const uint8_t build[32])
{
	uint8_t own[32];

	vs_own_build(own);
	return !memcmp(own, build, 32);
}

int vs_state_read(int run, struct vs_state *state)
{
	int fd = (int)sys_openat(run, "state", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
	int error = -EBADMSG;

	/* A link, or a socket. What else is no file is no record either, and opening it does not wait. */
	if (fd == -ELOOP || fd == -ENXIO)
		return -EBADMSG;
	if (fd < 0)
		return fd;
	/* The writer's pwrite is one copy into the page cache: a torn read is rare, and over at once. */
	for (int tries = 0; tries < 100; tries++) {
		long size = sys(__NR_pread64, fd, state, sizeof(*state), 0);

		if (size != (long)sizeof(*state) || state->magic != VS_MAGIC_STATE ||
		    state->version != VS_PLAN_VERSION)
			break;
		if (state->seq == state->seq_end) {
			error = 0;
			break;
		}
		vs_sleep_ns(100000);
	}
	sys_close(fd);
	return error;
}

static int unknown_or_stopped(struct vs_guest *g, const struct vs_request *r)
{
	if (g->lib < 0)
		g->lib = vs_open_dir(r, "/var/lib/vserver/guests/", g->name);
	if (g->lib >= 0)
		g->life = VS_LIFE_NONE;
	else if (g->lib == -ENOENT || g->lib == -ENOTDIR || g->lib == -ELOOP)
		g->life = VS_LIFE_UNKNOWN;
	else
		return g->lib;
	return 0;
}

int vs_look(struct vs_guest *g, const struct vs_request *r, const char *name)
{
	struct vs_identity id;
	uint8_t boot[16];
	int error;

	memset(g, 0, sizeof(*g));
	g->name = name;
	g->lib = g->supervisor = -1;
	g->run = vs_open_dir(r, "/run/vserver/guests/", name);
	if (g->run < 0)
		return g->run == -ENOENT || g->run == -ENOTDIR ? unknown_or_stopped(g, r) : g->run;
	error = vs_state_read(g->run, &g->state);
	if (error == -ENOENT)
		return unknown_or_stopped(g, r);
	if (error == -EBADMSG) {
		memset(&g->state, 0, sizeof(g->state));
		g->life = VS_LIFE_STALE;
		return 0;
	}
	if (error)
		return error;
	error = vs_boot_id(boot);
	if (error)
		return error;
	g->life = VS_LIFE_STALE;
	if (memcmp(boot, g->state.boot, 16))
		return 0;
	id = (struct vs_identity){ g->state.supervisor_pid, g->state.supervisor_ino,
				   g->state.supervisor_start };
	g->supervisor = vs_open_process(&id);
	if (g->supervisor >= 0 && !vs_ended(g->supervisor, 0))
		g->life = VS_LIFE_ALIVE;
	return g->supervisor < 0 && g->supervisor != -ESRCH ? g->supervisor : 0;
}

void vs_look_end(struct vs_guest *g)
{
	if (g->run >= 0)
		sys_close(g->run);
	if (g->lib >= 0)
		sys_close(g->lib);
	if (g->supervisor >= 0)
		sys_close(g->supervisor);
	g->run = g->lib = g->supervisor = -1;
}
