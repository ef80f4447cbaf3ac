/*
 * A guest whose supervisor died: its init died with it (parent-death signal), so what is left is what
 * TEARDOWN removes. Each step can be done again, so a crash in here is met by the next command.
 */
#include "front.h"

static void kill_init(const struct vs_state *state)
{
	struct vs_identity id = { state->init_pid, state->init_ino, state->init_start };
	int fd = vs_open_process(&id);

	if (fd < 0)
		return;
	vs_signal_process(fd, 9);
	vs_ended(fd, 10000);
	sys_close(fd);
}

static int tear_down(const struct vs_request *r, const struct vs_guest *g)
{
	struct vs_failure failure;
	struct vs_keptfile kept;
	struct vs_machine m = { 0 };
	int error = vs_kept_open(&kept, g->run, "start.kept");

	if (error)
		return error == -ENOENT ? 0 : error;
	if (!vs_build_is_ours(kept.head->build)) {
		vs_hop(r, kept.head->build);
		vs_kept_close(&kept);
		return -ESTALE;
	}
	error = vs_kept_load(&kept, &m);
	if (!error) {
		m.shared->slots[VS_SLOT_RUN_DIR] = (uint64_t)g->run;
		if (vs_run(&m, VS_ROLE_TEARDOWN)) {
			error = vs_failure(&m, &failure) ? -(int)failure.error : -EIO;
			vs_abandon(&m);
		}
		sys_unmap(m.shared, sizeof(*m.shared));
	}
	vs_kept_close(&kept);
	return error;
}

int vs_clean_lost(const struct vs_request *r, struct vs_guest *g)
{
	uint8_t boot[16];
	int error = vs_boot_id(boot), supervisor = vs_find_supervisor(r, g->name);

	if (supervisor >= 0) {
		if (g->supervisor >= 0)
			sys_close(g->supervisor);
		g->supervisor = supervisor;
		g->life = VS_LIFE_UNCLEAR;
		return -EUCLEAN;
	}
	if (error || supervisor != -ESRCH)
		return error ? error : supervisor;
	/* Nothing of the kernel's outlives a boot. A record that cannot be read may be of this one. */
	if (!g->state.magic || !memcmp(boot, g->state.boot, 16)) {
		kill_init(&g->state);
		error = tear_down(r, g);
		if (error)
			return error;
	}
	if (g->lib < 0)
		g->lib = vs_open_dir(r, "/var/lib/vserver/guests/", g->name);
	if (g->lib >= 0)
		vs_exit_write(g->lib, -1, -1, "lost");
	sys(__NR_unlinkat, g->run, "console", 0);
	sys(__NR_unlinkat, g->run, "state.new", 0);
	error = (int)sys(__NR_unlinkat, g->run, "state", 0);
	if (error && error != -ENOENT)
		return error;
	g->life = VS_LIFE_NONE;
	return 0;
}

int vs_clean_lost_locked(const struct vs_request *r, struct vs_guest *g, const char *verb)
{
	const char *name = g->name;
	int error, lock = vs_lock_wait(g->run, verb, r->lock_ms);

	if (lock < 0)
		return lock;
	/* Somebody else may have cleaned up, or started it again, before the lock was ours. */
	vs_look_end(g);
	error = vs_look(g, r, name);
	if (!error && g->life == VS_LIFE_STALE)
		error = vs_clean_lost(r, g);
	sys_close(lock);
	return error;
}
