/*
 * The front door: a verb that is understood completely, and whose files are all there and valid, is done
 * here; everything else is the appliance's, with the arguments as they came.
 */
#include "front.h"

static int is_set(char **envp, const char *name)
{
	const char *value = vs_getenv(envp, name);

	return value && *value && !vs_equal(value, "0");
}

static int run_verb(struct vs_request *r)
{
	switch (r->verb) {
	case VS_VERB_START:
		return vs_front_start(r);
	case VS_VERB_STOP:
		return vs_front_stop(r);
	case VS_VERB_KILL:
		return vs_front_kill(r);
	case VS_VERB_EXEC:
	case VS_VERB_ENTER:
		return vs_front_exec(r);
	case VS_VERB_STATUS:
		return vs_front_status(r);
	default:
		return vs_front_list(r);
	}
}

/* What is left to say when the appliance has compiled, and still it cannot be done here. */
static int give_up(const struct vs_request *r, int understood)
{
	if (!understood)
		return vs_error(r, VS_E_EXECUTOR, NULL,
				"Cannot run the command: the executor does not understand it", NULL);
	return vs_error(r, VS_E_PLAN, "try again: what it was made from may have changed just now",
			"Cannot ", r->verb == VS_VERB_EXEC ? "exec in" : r->verb_word, " \"",
			r->name_count ? r->names[0] : "guests", "\": its kept plan is not valid", NULL);
}

int vs_front(int argc, char **argv, char **envp)
{
	static struct vs_request r VS_HOT;
	char **words;
	int code = -1, understood = 0;

	r.argc = argc;
	r.argv = argv;
	r.envp = envp;
	r.compiled = argc > 0 && vs_equal(argv[0], VS_NATIVE);
	words = __builtin_alloca((size_t)(argc + 1) * 2 * sizeof(*words));
	if (r.compiled || !vs_getenv(envp, "VSERVER_NATIVE") || is_set(envp, "VSERVER_NATIVE"))
		understood = !vs_args(&r, words, words + argc + 1);
	/* `explain start web`: only root can see whether the first word is a guest's name. */
	if (r.historical && sys(__NR_geteuid))
		understood = 0;
	if (understood)
		code = sys(__NR_geteuid) ? vs_error_root(&r) : run_verb(&r);
	if (code < 0 && !r.compiled)
		code = vs_about(argc, argv);
	if (code >= 0)
		return code;
	return r.compiled ? give_up(&r, understood) : vs_appliance(argc, argv, envp);
}
