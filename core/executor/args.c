/*
 * Understanding the command line. Only what is understood to the last word is the front door's; all
 * else is left to the appliance, which reports mistakes too.
 */
#include "front.h"

const char *vs_getenv(char **envp, const char *name)
{
	for (; *envp; envp++) {
		const char *rest = vs_after(*envp, name);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

int vs_parse_ms(const char *text, uint64_t *ms)
{
	static const struct {
		const char *suffix;
		uint32_t factor;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	uint64_t value = 0;
	int digits = 0;

	for (; *text >= '0' && *text <= '9'; text++, digits++)
		value = value * 10 + (uint64_t)(*text - '0');
	if (digits < 1 || digits > 9)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (!vs_equal(text, units[i].suffix))
			continue;
		*ms = value * units[i].factor;
		return 0;
	}
	return -1;
}

static int is_name(const char *word)
{
	size_t length = strlen(word);

	if (length < 1 || length > VS_LIMIT_NAME || *word == '-')
		return 0;
	for (; *word; word++)
		if (!(*word >= 'a' && *word <= 'z') && !(*word >= '0' && *word <= '9') && *word != '-')
			return 0;
	return 1;
}

static int find_verb(struct vs_request *r, const char *word)
{
	static const char *const words[] = {
		[VS_VERB_START] = "start",	 [VS_VERB_STOP] = "stop",   [VS_VERB_KILL] = "kill",
		[VS_VERB_EXEC] = "exec",	 [VS_VERB_ENTER] = "enter", [VS_VERB_STATUS] = "status",
		[VS_VERB_LIST] = "list",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!vs_equal(word, words[i]))
			continue;
		r->verb = (enum vs_verb)i;
		r->verb_word = words[i];
		return 0;
	}
	return -1;
}

/* Makes the root absolute, as text: links in it are not resolved, and "." and ".." not accepted. */
static int set_root(struct vs_request *r, const char *dir)
{
	static char made[VS_ROOT_MAX];
	size_t used = 0, length = strlen(dir);

	r->root = dir;
	if (!length)
		return -1;
	if (*dir != '/' || dir[length - 1] == '/') {
		if (*dir != '/') {
			long got = sys(__NR_getcwd, made, VS_ROOT_MAX);

			if (got < 2 || *made != '/')
				return -1;
			used = (size_t)got - 1;
			if (used > 1)
				made[used++] = '/';
		}
		if (used + length >= VS_ROOT_MAX)
			return -1;
		memcpy(made + used, dir, length + 1);
		r->root = made;
	}
	if (used + length >= VS_ROOT_MAX)
		return -1;
	for (const char *at = r->root; *at; at++)
		if (at[0] == '/' && (at[1] == '/' || (at[1] == '.' && (at[2] == '/' || !at[2] ||
		    (at[2] == '.' && (at[3] == '/' || !at[3]))))))
			return -1;
	if (r->root == made && made[used + length - 1] == '/')
		made[used + length - 1] = 0;
	return 0;
}

/* The value of an option that takes one: `--name V` or `--name=V`. NULL when this is another word. */
static const char *option(char ***at, const char *name)
{
	const char *rest = vs_after(**at, name);

	if (rest && *rest == '=')
		return rest + 1;
	if (!rest || *rest || !(*at)[1])
		return NULL;
	return *++*at;
}

/* 1: a global option was taken, 0: it is something else, -1: it cannot be understood. */
static int global(struct vs_request *r, char ***at)
{
	const char *value;

	if (vs_equal(**at, "--json"))
		r->json = 1;
	else if (vs_equal(**at, "--quiet"))
		r->quiet = 1;
	else if (vs_equal(**at, "--no-color"))
		;
	else if ((value = option(at, "--root")))
		return set_root(r, value) ? -1 : 1;
	else if ((value = option(at, "--lock-timeout")))
		return vs_parse_ms(value, &r->lock_ms) ? -1 : 1;
	else
		return 0;
	return 1;
}

static int wait_option(struct vs_request *r, const char *word)
{
	const char *value = vs_after(word, "--wait");

	if (!value || r->verb != VS_VERB_START || (*value && *value != '='))
		return 0;
	r->wait = VS_WAIT_READY;
	if (vs_equal(value, "=exit"))
		r->wait = VS_WAIT_EXIT;
	else if (*value)
		return vs_parse_ms(value + 1, &r->wait_ms) ? -1 : 1;
	return 1;
}

/* Options of one verb; the same answers as global(). */
static int local(struct vs_request *r, char ***at)
{
	const char *word = **at, *value;
	int exec = r->verb == VS_VERB_EXEC;

	if (r->verb == VS_VERB_START && vs_after(word, "--wait"))
		return wait_option(r, word);
	if (r->verb == VS_VERB_START && vs_equal(word, "--all"))
		return r->all = 1;
	if (r->verb == VS_VERB_STOP && (value = option(at, "--timeout")))
		return vs_parse_ms(value, &r->stop_ms) || !r->stop_ms ? -1 : 1;
	if (r->verb == VS_VERB_KILL && vs_equal(word, "-s") && (*at)[1]) {
		r->signal_word = *++*at;
		r->signal = vs_signal_number(r->signal_word);
		return r->signal < 1 ? -1 : 1;
	}
	if (exec && (vs_equal(word, "-t") || vs_equal(word, "--tty")))
		return r->tty == 0 ? -1 : (r->tty = 1);
	if (exec && (vs_equal(word, "-T") || vs_equal(word, "--no-tty"))) {
		if (r->tty == 1)
			return -1;
		r->tty = 0;
		return 1;
	}
	if (exec && vs_equal(word, "-e") && (*at)[1]) {
		const char *entry = *++*at;
		const char *equals = strchr(entry, '=');

		r->env[r->env_count++] = **at;
		return equals && equals != entry ? 1 : -1;
	}
	if (exec && vs_equal(word, "-w") && (*at)[1]) {
		r->cwd = *++*at;
		return *r->cwd ? 1 : -1;
	}
	return 0;
}

static int add_name(struct vs_request *r, char *word)
{
	if (!is_name(word))
		return -1;
	r->names[r->name_count++] = word;
	return 0;
}

static int finish(struct vs_request *r)
{
	/* --all and names exclude each other. */
	if (r->verb != VS_VERB_LIST && !r->name_count == !r->all)
		return -1;
	if (r->verb == VS_VERB_ENTER && r->name_count != 1)
		return -1;
	return r->verb == VS_VERB_EXEC && !*r->command ? -1 : 0;
}

static void exec_words(struct vs_request *r, char **at)
{
	r->command = *at && vs_equal(*at, "--") ? at + 1 : at;
}

int vs_args(struct vs_request *r, char **names, char **env)
{
	const char *root = vs_getenv(r->envp, "VSERVER_ROOT");
	char **at = r->argv + 1;
	int known;

	r->root = "";
	r->names = names;
	r->env = env;
	r->lock_ms = 10000;
	r->wait_ms = 60000;
	r->tty = -1;
	if (root && *root && set_root(r, root))
		return -1;
	for (; *at && (known = global(r, &at)); at++)
		if (known < 0)
			return -1;
	if (!*at)
		return -1;
	if (find_verb(r, *at)) {
		r->historical = 1;
		if (add_name(r, *at))
			return -1;
		for (at++; *at && (known = global(r, &at)); at++)
			if (known < 0)
				return -1;
		if (!*at || find_verb(r, *at))
			return -1;
		if (r->verb == VS_VERB_EXEC) {
			exec_words(r, at + 1);
			return finish(r);
		}
	}
	for (at++; *at; at++) {
		known = global(r, &at);
		if (!known)
			known = local(r, &at);
		if (known < 0 || (!known && add_name(r, *at)))
			return -1;
		if (!known && r->verb == VS_VERB_EXEC) {
			exec_words(r, at + 1);
			break;
		}
	}
	if (r->verb == VS_VERB_EXEC && !r->command)
		return -1;
	return finish(r);
}
