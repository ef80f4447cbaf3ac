/*
 * Where the runtime lies: below the root directory for root, below the home directory for others. Only
 * what decides that is read from the command line here; everything else is the runtime's.
 */
#include "appliance.h"
#include "lib.h"
#include "sys.h"

static const char *value_of(char **envp, const char *name)
{
	for (; *envp; envp++) {
		const char *rest = vs_after(*envp, name);

		if (rest && *rest == '=' && rest[1])
			return rest + 1;
	}
	return NULL;
}

/* Does this option take its value from the next word? */
static int takes_value(const char *word, int exec)
{
	return vs_equal(word, "--root") || vs_equal(word, "--lock-timeout") ||
		(exec && (vs_equal(word, "-e") || vs_equal(word, "-w")));
}

/*
 * Finds --root and --json before or after the verb, but not in the command of `exec NAME CMD…` or
 * `NAME exec CMD…`.
 */
static const char *scan(struct vs_appliance *a, char **argv)
{
	const char *root = NULL, *rest;
	int plain = 0, first = 0, second = 0;

	for (argv++; *argv && !vs_equal(*argv, "--"); argv++) {
		if (**argv != '-') {
			plain++;
			first |= plain == 1 && vs_equal(*argv, "exec");
			second |= plain == 2 && vs_equal(*argv, "exec");
			if ((first && plain == 2) || (second && plain == 3))
				break;
			continue;
		}
		if (vs_equal(*argv, "--json"))
			a->json = 1;
		else if ((rest = vs_after(*argv, "--root=")))
			root = rest;
		else if (takes_value(*argv, 1) && argv[1] && *++argv && vs_equal(argv[-1], "--root"))
			root = *argv;
	}
	return root;
}

int vs_appliance_place(struct vs_appliance *a, char **argv, char **envp)
{
	const char *root = scan(a, argv), *top;
	int is_root = sys(__NR_geteuid) == 0;
	size_t used = 0, length;

	a->below = is_root ? "var/lib/vserver/runtime" : ".cache/vserver";
	a->leaf = "vserver";
	top = value_of(envp, is_root ? "VSERVER_ROOT" : "HOME");
	/* An unset variable of a script must not mean the host's own root. */
	if (root && !*root) {
		vs_appliance_fail(a, "E_USAGE", "name a directory", "Cannot run \"vserver\": --root is empty",
				  NULL);
		return 2;
	}
	if (is_root && root)
		top = root;
	if (!top && !is_root)
		return vs_appliance_fail(a, "E_STATE_DIR", "set HOME to a directory of this user",
					 "Cannot unpack the runtime: HOME is not set", NULL);
	if (!top)
		top = "/";
	if (*top != '/') {
		long got = sys(__NR_getcwd, a->top, sizeof(a->top));

		if (got < 2 || *a->top != '/')
			return vs_appliance_fail(a, "E_STATE_DIR", "go to a directory that exists",
						 "Cannot find \"", top,
						 "\": the working directory has no path", NULL);
		used = (size_t)got - 1;
		if (used > 1)
			a->top[used++] = '/';
	}
	length = strlen(top);
	if (used + length >= sizeof(a->top))
		return vs_appliance_fail(a, "E_STATE_DIR", "use a shorter path",
					 "Cannot use \"", top, "\": its path is too long", NULL);
	memcpy(a->top + used, top, length + 1);
	for (used += length; used > 1 && a->top[used - 1] == '/'; used--)
		a->top[used - 1] = 0;
	return 0;
}
