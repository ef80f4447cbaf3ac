/**
 * What a kernel says on its console when something is wrong with it. Pure.
 *
 * @module
 */

/** Beginnings of messages, after the time stamp that every line of the kernel's has. */
const reports: readonly RegExp[] = [
  /^Kernel panic\b/,
  /^WARNING: /,
  /^BUG: /,
  /^kernel BUG at /,
  /^Oops: /,
  /^Internal error: /,
  /^general protection fault\b/,
  /^double fault\b/,
  /^stack segment: /,
  /^divide error: /,
  /^watchdog: /,
  /^NMI watchdog: /,
  /^INFO: task .* blocked for more than /,
  /^INFO: (possible|inconsistent) /,
  /^rcu: INFO: \w+ (self-)?detected /,
  /^INFO: \w+ detected (expedited )?stalls? /,
  /^(KASAN|KCSAN|KMSAN|KFENCE|UBSAN): /,
  /^(refcount_t|list_add|list_del) ?(corruption)?[.:] /,
  /^page:\S+ .*refcount:/,
  /^unregister_netdevice: waiting for /,
  /^Out of memory: /,
  /^System is deadlocked on memory/,
  /^Initramfs unpacking failed: /,
  /^(EXT4-fs|BTRFS)( \(\S+\))?:? (error|critical|crit)\b/,
  /^XFS \(\S+\): .*([Cc]orrupt|shutdown|Shutting down|[Ee]rror)/,
  /^(blk_update_request: )?(critical \w+|I\/O|medium|protection) error, dev /,
  /^Buffer I\/O error on /,
]

/** Messages that begin like a report and are none. */
const harmless: readonly RegExp[] = [
  /^watchdog: Delayed init of the lockup detector/,
  /^NMI watchdog: (Perf NMI watchdog permanently disabled|Enabled\.)/,
]

/**
 * The report in a line of the console, without its time stamp, or `undefined`. Only the kernel's own
 * lines count: a program that prints such words has no time stamp, and what it writes to /dev/kmsg has
 * it, so that a test can plant one.
 */
export function troubleIn(line: string): string | undefined {
  const stamped = /^(?:<\d+>)?\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? (.*?)\s*$/.exec(line)
  const text = stamped?.[1]
  if (text === undefined || harmless.some((one) => one.test(text))) return undefined
  return reports.some((one) => one.test(text)) ? text : undefined
}

/** What a person sees of a console: no control sequences, no carriage returns. */
export function plain(line: string): string {
  // deno-lint-ignore no-control-regex
  return line.replace(/\x1b(\[[0-9;?]*[A-Za-z]|c)|[\r\0]/g, '')
}
