// SPDX-License-Identifier: GPL-2.0-only
/* Probes against the kernel that everybody shares: its log, modules, clock, keys, sysctls, switches. */
#include "escape.h"

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <sys/prctl.h>
#include <time.h>
#include <sys/time.h>
#include <sys/timex.h>

/* flags: number of a call that takes a harmless, invalid or read-only set of arguments. */
static int call(const struct probe *probe)
{
	return failed(syscall((long)probe->flags, probe->path, probe->text, 0L, 0L, 0L, 0L));
}

static int log_action(const struct probe *probe)
{
	char buffer[64];

	return failed(syscall(SYS_syslog, (long)probe->flags, buffer, sizeof(buffer)));
}

static int module_file(const struct probe *probe)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)probe;
	return failed(syscall(SYS_finit_module, fd, "", 0));
}

static int set_clock(const struct probe *probe)
{
	struct timespec now;

	clock_gettime((clockid_t)probe->flags, &now);
	return failed(syscall(SYS_clock_settime, probe->flags, &now));
}

static int set_day(const struct probe *probe)
{
	struct timeval now;

	(void)probe;
	gettimeofday(&now, NULL);
	return failed(syscall(SYS_settimeofday, &now, NULL));
}

static int adjust_clock(const struct probe *probe)
{
	struct timex change = { .modes = ADJ_FREQUENCY };

	(void)probe;
	return failed(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &change));
}

static int wake_alarm(const struct probe *probe)
{
	return failed(syscall(SYS_timerfd_create, (long)probe->flags, 0L));
}

static int find_key(const struct probe *probe)
{
	return failed(syscall(SYS_keyctl, KEYCTL_SEARCH, (long)(int)probe->flags, "user", host.key, 0L));
}

static int add_key(const struct probe *probe)
{
	return failed(syscall(SYS_add_key, "user", "escape", "x", 1L, (long)(int)probe->flags));
}

/* Does /proc/key-users show anybody but the guest? The host's root has a quota of its own, others no name. */
static int foreign_key_users(const struct probe *probe)
{
	unsigned int uid, keys, most;
	int found = ENODATA;
	FILE *file = fopen(probe->path, "r");

	if (!file)
		return errno;
	while (fscanf(file, " %u: %*d %*u/%*u %u/%u %*u/%*u", &uid, &keys, &most) == 3)
		if (uid == 65534 || most >= 1000000)
			found = 0;
	fclose(file);
	return found;
}

static int load_program(const struct probe *probe)
{
	const struct bpf_insn code[] = { { .code = 0xb7 }, { .code = 0x95 } };
	union bpf_attr attributes = { .prog_type = (unsigned int)probe->flags,
				      .insn_cnt = 2,
				      .insns = (unsigned long)code,
				      .license = (unsigned long)"GPL" };

	return failed(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}

static int make_map(const struct probe *probe)
{
	union bpf_attr attributes = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	(void)probe;
	return failed(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes)));
}

static int perf(const struct probe *probe)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE,
					 .size = sizeof(event),
					 .config = PERF_COUNT_SW_CPU_CLOCK };

	return failed(syscall(SYS_perf_event_open, &event, (long)(int)probe->flags, 0, -1, 0));
}

static int io_uring(const struct probe *probe)
{
	char parameters[120] = { 0 };

	(void)probe;
	return failed(syscall(SYS_io_uring_setup, 4, parameters));
}

static int in_bounding_set(const struct probe *probe)
{
	return prctl(PR_CAPBSET_READ, probe->flags, 0, 0, 0) == 1 ? 0 : ENODATA;
}

/* Takes back every capability that was dropped, one by one. */
static int regain(const struct probe *probe)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct have[2], want[2];
	int error = CONTAINED;

	(void)probe;
	if (syscall(SYS_capget, &head, have) < 0)
		return errno;
	for (int bit = 0; bit <= CAP_LAST_CAP; bit++) {
		if (have[bit / 32].permitted & (1u << bit % 32))
			continue;
		memcpy(want, have, sizeof(want));
		want[bit / 32].permitted |= 1u << bit % 32;
		if (syscall(SYS_capset, &head, want) == 0)
			return 0;
		error = errno;
	}
	return error;
}

/* Full capabilities of a nested user namespace must not reach the kernel's own objects. */
static int nested_clock(const struct probe *probe)
{
	int error = nest();

	return error ? error : set_clock(probe);
}

static int nested_syslog(const struct probe *probe)
{
	int error = nest();

	return error ? error : log_action(probe);
}

#ifdef __x86_64__
/* The 32-bit entry and the x32 numbers have their own tables: a filter must know them. */
static int int80(const struct probe *probe)
{
	long result = (long)probe->flags;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) : "memory");
	result = (int)result;
	return result < 0 ? (int)-result : 0;
}
#define X32 0x40000000L
#else
#define int80 call
#define X32 0L
#endif

#define SYSCTL(name, value) { "sysctl." name, try_write, "/proc/sys/" name, value, 0 }
#define WRITE(name, path, value) { name, try_write, path, value, 0 }

const struct probe kernel_probes[] = {
	{ "log.read-all", log_action, 0, 0, 3 },
	{ "log.clear", log_action, 0, 0, 5 },
	{ "log.console-off", log_action, 0, 0, 6 },
	{ "log.size", log_action, 0, 0, 10 },
	{ "log.nested", nested_syslog, 0, 0, 3 },
	{ "log.proc-kmsg", try_open, "/proc/kmsg", 0, O_RDONLY },
	{ "module.init", call, "", 0, SYS_init_module },
	{ "module.finit", module_file, 0, 0, 0 },
	{ "module.delete", call, "escape", 0, SYS_delete_module },
	{ "kexec.load", call, 0, 0, SYS_kexec_load },
	{ "kexec.file-load", call, 0, 0, SYS_kexec_file_load },
	{ "clock.settime", set_clock, 0, 0, CLOCK_REALTIME },
	{ "clock.settime-nested", nested_clock, 0, 0, CLOCK_REALTIME },
	{ "clock.settimeofday", set_day, 0, 0, 0 },
	{ "clock.adjtime", adjust_clock, 0, 0, 0 },
	{ "clock.wake-alarm", wake_alarm, 0, 0, CLOCK_REALTIME_ALARM },
	{ "key.session-search", find_key, 0, 0, (unsigned long)KEY_SPEC_SESSION_KEYRING },
	{ "key.user-search", find_key, 0, 0, (unsigned long)KEY_SPEC_USER_KEYRING },
	{ "key.add-to-session", add_key, 0, 0, (unsigned long)KEY_SPEC_SESSION_KEYRING },
	{ "key.proc-keys", try_open, "/proc/keys", 0, O_RDONLY },
	{ "key.proc-key-users", foreign_key_users, "/proc/key-users", 0, 0 },
	{ "bpf.socket-filter", load_program, 0, 0, BPF_PROG_TYPE_SOCKET_FILTER },
	{ "bpf.kprobe", load_program, 0, 0, BPF_PROG_TYPE_KPROBE },
	{ "bpf.map", make_map, 0, 0, 0 },
	{ "perf.all", perf, 0, 0, (unsigned long)-1 },
	{ "perf.self", perf, 0, 0, 0 },
	{ "io_uring.setup", io_uring, 0, 0, 0 },
	{ "userfaultfd", call, 0, 0, SYS_userfaultfd },
	{ "io.iopl", call, (char *)3, 0, SYS_iopl },
	{ "io.ioperm", call, (char *)0x80, (char *)1, SYS_ioperm },
	{ "swap.on", call, "/etc/passwd", 0, SYS_swapon },
	{ "swap.off", call, "/etc/passwd", 0, SYS_swapoff },
	{ "acct", call, 0, 0, SYS_acct },
	{ "quotactl", call, (char *)0x80000300, "/dev/root", SYS_quotactl },
	{ "vhangup", call, 0, 0, SYS_vhangup },
	{ "reboot.cad-on", call, (char *)0xfee1dead, (char *)672274793, SYS_reboot },
	{ "capability.regain", regain, 0, 0, 0 },
	{ "capability.sys-module", in_bounding_set, 0, 0, CAP_SYS_MODULE },
	{ "capability.sys-rawio", in_bounding_set, 0, 0, CAP_SYS_RAWIO },
	{ "capability.sys-time", in_bounding_set, 0, 0, CAP_SYS_TIME },
	{ "capability.bpf", in_bounding_set, 0, 0, CAP_BPF },
	{ "i386.init-module", int80, 0, 0, 128 },
	{ "i386.clock-settime", int80, 0, 0, 264 },
	{ "i386.keyctl", int80, 0, 0, 288 },
	{ "i386.bpf", int80, 0, 0, 357 },
	{ "i386.io-uring", int80, 0, 0, 425 },
	{ "x32.getpid", call, 0, 0, X32 | 39 },
	{ "x32.ptrace", call, 0, 0, X32 | 521 },
	SYSCTL("kernel/core_pattern", "|/escape"),
	SYSCTL("kernel/modprobe", "/escape"),
	SYSCTL("kernel/panic", "1"),
	SYSCTL("kernel/sysrq", "511"),
	SYSCTL("kernel/printk", "0"),
	SYSCTL("kernel/randomize_va_space", "0"),
	SYSCTL("kernel/unprivileged_bpf_disabled", "0"),
	SYSCTL("kernel/keys/maxkeys", "1"),
	SYSCTL("vm/overcommit_memory", "2"),
	SYSCTL("vm/drop_caches", "1"),
	SYSCTL("vm/panic_on_oom", "2"),
	SYSCTL("fs/file-max", "1"),
	SYSCTL("fs/protected_hardlinks", "0"),
	SYSCTL("fs/suid_dumpable", "2"),
	WRITE("sysctl.binfmt-register", "/proc/sys/fs/binfmt_misc/register", ":escape:M::\\x7fE::/escape:"),
	WRITE("proc.sysrq-trigger", "/proc/sysrq-trigger", "h"),
	WRITE("proc.irq-affinity", "/proc/irq/default_smp_affinity", "1"),
	WRITE("proc.mtrr", "/proc/mtrr", "disable=9"),
	WRITE("sys.uevent-helper", "/sys/kernel/uevent_helper", "/escape"),
	WRITE("sys.power-state", "/sys/power/state", "mem"),
	WRITE("sys.cpu-online", "/sys/devices/system/cpu/cpu1/online", "0"),
	WRITE("sys.hugepages", "/sys/kernel/mm/transparent_hugepage/enabled", "never"),
	WRITE("sys.uevent", "/sys/devices/virtual/mem/null/uevent", "add"),
	{ "proc.kcore", try_open, "/proc/kcore", 0, O_RDONLY },
	{ "proc.kpageflags", try_open, "/proc/kpageflags", 0, O_RDONLY },
	{ "proc.timer-list", try_open, "/proc/timer_list", 0, O_RDONLY },
	{ "proc.vmallocinfo", try_open, "/proc/vmallocinfo", 0, O_RDONLY },
	{ "sys.debug", try_open, "/sys/kernel/debug/sleep_time", 0, O_RDONLY },
	{ "sys.vmcoreinfo", try_open, "/sys/kernel/notes", 0, O_WRONLY },
	{ 0, 0, 0, 0, 0 },
};
