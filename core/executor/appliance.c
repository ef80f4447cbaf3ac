/*
 * Starts the carried runtime: finds the carrier's trailer, sees to it that the runtime is unpacked and
 * whole, and becomes it. On the usual way that is some twenty-five system calls.
 */
#include <linux/resource.h>
#include <linux/stat.h>

#include "appliance.h"
#include "lib.h"
#include "plan.h"
#include "sys.h"

#define LOADER "ld-linux-x86-64.so.2"

/*
 * Limits of the calling shell with which Node dies without a word, or the unpacker of a signal. They are
 * raised where that is allowed.
 */
static const struct {
	uint64_t least;
	/* what it is raised to, if the hard limit is no lower */
	uint64_t most;
	int resource;
	const char *what;
	const char *hint;
} limits[] VS_COLD = {
	/* The kernel refuses one above fs.nr_open, to root too. */
	{ 64, 1024, RLIMIT_NOFILE, "64 open files", "raise the limit in the calling shell: ulimit -n 1024" },
	{ 2ull << 30, ~0ull, RLIMIT_AS, "2147483648 bytes of address space",
	  "lift the limit in the calling shell: ulimit -v unlimited" },
	{ 256ull << 20, ~0ull, RLIMIT_FSIZE, "files of 268435456 bytes",
	  "lift the limit in the calling shell: ulimit -f unlimited" },
	{ 1ull << 30, ~0ull, RLIMIT_DATA, "1073741824 bytes of data",
	  "lift the limit in the calling shell: ulimit -d unlimited" },
	/* An unlimited one would change how memory is laid out. */
	{ 1ull << 20, 8ull << 20, RLIMIT_STACK, "1048576 bytes of stack",
	  "raise the limit in the calling shell: ulimit -s 8192" },
	{ 60, ~0ull, RLIMIT_CPU, "60 seconds of CPU time",
	  "lift the limit in the calling shell: ulimit -t unlimited" },
};

/* The runtime's own knobs, which would run foreign code as root or change what it trusts. */
static int is_dangerous(const char *entry)
{
	static const char *const prefixes[] = {
		"NODE_", "LD_", "OPENSSL_", "SSL_", "GCONV_PATH=", "GLIBC_TUNABLES=", "LOCPATH=",
		"VSERVER_SELF=", "VSERVER_EXECUTOR=", "VSERVER_BUILD=", "VSERVER_SESSION=",
		"VSERVER_AFTER=",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (vs_after(entry, prefixes[i]))
			return 1;
	return 0;
}

static size_t count(char **list)
{
	size_t length = 0;

	while (list[length])
		length++;
	return length;
}

/* Puts texts behind each other, at most to the end of `to`; the texts end with NULL. */
static char *join(char *to, const char *const *texts)
{
	for (; *texts; texts++) {
		size_t length = strlen(*texts);

		memcpy(to, *texts, length);
		to += length;
	}
	*to = 0;
	return to;
}

/* Is the trailer whole, and of the same build as this code? */
static int is_own(const struct vs_trailer *trailer, uint64_t size)
{
	int same = !memcmp(trailer->magic, VS_TRAILER_MAGIC, 8) && trailer->file_size == size;

	for (size_t i = 0; i < sizeof(trailer->build); i++)
		same &= trailer->build[i] == vs_build.id[i];
	return same;
}

/* 0, or an exit code after a message. */
static int read_self(struct vs_appliance *a)
{
	struct statx stat = { 0 };
	long length = sys(__NR_readlinkat, -100, "/proc/self/exe", a->self_path, sizeof(a->self_path) - 1);
	long got = 0;

	a->self = (int)sys_openat(-100, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
	if (length < 0 || a->self == -ENOENT)
		return vs_appliance_fail(a, "E_HOST", "mount -t proc proc /proc",
					 "Cannot open \"/proc/self/exe\": /proc is not mounted", NULL);
	if (a->self < 0)
		return vs_appliance_fail(a, "E_HOST", "see its mode, and the limit of open files (ulimit -n)",
					 "Cannot read \"", a->self_path, "\"", NULL);
	a->self_path[length] = 0;
	sys(__NR_statx, a->self, "", AT_EMPTY_PATH, STATX_SIZE, &stat);
	if (stat.stx_size >= sizeof(a->trailer))
		got = sys(__NR_pread64, a->self, &a->trailer, sizeof(a->trailer),
			  stat.stx_size - sizeof(a->trailer));
	if (got == sizeof(a->trailer) && is_own(&a->trailer, stat.stx_size))
		return 0;
	return vs_appliance_fail(a, "E_DAMAGED", "make a complete one with npm run build, or copy it again",
				 "Cannot start the runtime: \"", a->self_path,
				 "\" carries none, or is cut off", NULL);
}

static void name_directory(struct vs_appliance *a)
{
	char build[2 * sizeof(a->trailer.build) + 1];

	vs_hex(build, a->trailer.build, sizeof(a->trailer.build));
	join(a->directory, (const char *const[]){ a->top, a->top[1] ? "/" : "", a->below, "/", build,
						  NULL });
}

static int check_limits(const struct vs_appliance *a)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct rlimit64 limit = { ~0ull, ~0ull }, raised;
		char number[VS_DECIMAL];

		sys(__NR_prlimit64, 0, limits[i].resource, NULL, &limit);
		if (limit.rlim_cur >= limits[i].least)
			continue;
		raised.rlim_max = limit.rlim_max < limits[i].least ? limits[i].most : limit.rlim_max;
		raised.rlim_cur = raised.rlim_max < limits[i].most ? raised.rlim_max : limits[i].most;
		if (!sys(__NR_prlimit64, 0, limits[i].resource, &raised, NULL))
			continue;
		vs_decimal(number, limit.rlim_cur);
		return vs_appliance_fail(a, "E_HOST", limits[i].hint, "Cannot start the runtime: it needs ",
					 limits[i].what, ", and the limit is ", number, NULL);
	}
	return 0;
}

/* The environment without what is dangerous, with four entries added in front. */
static char **clean(char **envp, char **added)
{
	size_t size = (count(envp) + 5) * sizeof(*envp), used = 0;
	char **list = (char **)sys_map(size);

	if (sys_failed((long)list))
		return NULL;
	for (; *added; added++)
		list[used++] = *added;
	for (; *envp; envp++)
		if (!is_dangerous(*envp))
			list[used++] = *envp;
	return list;
}

/* Returns only when execve failed. */
static int become(const struct vs_appliance *a, int argc, char **argv, char **envp)
{
	static char loader[3500], node[3500];
	char **list = (char **)sys_map(((size_t)argc + 9) * sizeof(*argv));
	char *const head[] = { loader, "--inhibit-cache", "--library-path", (char *)a->directory,
			       "--argv0", "vserver", node };
	size_t used = sizeof(head) / sizeof(*head);

	if (sys_failed((long)list))
		return -ENOMEM;
	join(loader, (const char *const[]){ a->directory, "/" LOADER, NULL });
	join(node, (const char *const[]){ a->directory, "/node", NULL });
	memcpy(list, head, sizeof(head));
	for (int i = 1; i < argc; i++)
		list[used++] = argv[i];
	return (int)sys(__NR_execve, loader, list, envp);
}

int vs_appliance(int argc, char **argv, char **envp)
{
	static struct vs_appliance a;
	static char self[4200], executor[3600], build[80], session[64];
	char *added[] = { self, executor, build, session, NULL };
	char **env;
	int code = vs_appliance_place(&a, argv, envp);

	if (code || (code = read_self(&a)) || (code = check_limits(&a)))
		return code;
	name_directory(&a);
	join(self, (const char *const[]){ "VSERVER_SELF=", a.self_path, NULL });
	join(executor, (const char *const[]){ "VSERVER_EXECUTOR=", a.directory, "/executor", NULL });
	join(build, (const char *const[]){ "VSERVER_BUILD=", NULL });
	vs_hex(build + strlen(build), a.trailer.build, sizeof(a.trailer.build));
	join(session, (const char *const[]){ "VSERVER_SESSION=", NULL });
	env = clean(envp, added);
	if (!env)
		return vs_appliance_fail(&a, "E_HOST", "free some memory", "Cannot start the runtime: "
					 "out of memory", NULL);
	/* Once more when another build's unpacker removed it between our unpacker and our lock. */
	for (int round = 0; round < 3; round++) {
		if (vs_appliance_check(&a)) {
			vs_appliance_session(argv, env, executor + strlen("VSERVER_EXECUTOR="),
					     session + strlen("VSERVER_SESSION="));
			become(&a, argc, argv, env);
			break;
		}
		if ((code = vs_appliance_unpack(&a, env)))
			return code;
	}
	return vs_appliance_fail(&a, "E_STATE_DIR", "see who changes or denies executing these files, or "
				 "use another place with --root DIR", "Cannot start the runtime in \"",
				 a.directory, "\": it cannot be executed", NULL);
}
