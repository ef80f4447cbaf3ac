/**
 * Configures the packages of a tree: their scripts run in an isolated context that has the tree as its
 * root, no network, and the limits of a guest.
 *
 * @module
 */
import { errors } from '../../core/errors.ts'
import type { BootstrapContext } from '../../core/plugin/types.ts'
import { infoName } from './database.ts'
import { sourceFailure } from './failure.ts'
import type { Look } from './look.ts'
import type { Unpacked } from './unpack.ts'

/** Bytes of output that are kept for messages. */
const LOG_BYTES = 64 << 10
const SHOWN_LINES = 15

/** Starts a line in which the script says what it is at. */
const MARK = '\x01at '

export interface ConfigureInput {
  readonly found: Look
  readonly unpacked: readonly Unpacked[]
  readonly context: BootstrapContext
}

/**
 * @throws {VServerError} E_SOURCE naming the package whose script failed, with the end of its output;
 * E_INTERRUPTED
 */
export async function configure(tree: string, input: ConfigureInput): Promise<void> {
  const { found: { request, packages }, context } = input
  const { source } = request
  const total = packages.length
  context.progress({ phase: 'configure', done: 0, total, unit: 'packages' })
  let log = ''
  let line = ''
  let done = 0
  let at: string | undefined
  const onLine = (text: string) => {
    if (text.startsWith(MARK)) {
      at = text.slice(MARK.length)
      return
    }
    log = `${log}${text}\n`.slice(-LOG_BYTES)
    const match = /^Setting up ([^ :]+)/.exec(text)
    if (match === null) return
    at = match[1]
    done++
    context.progress({ phase: 'configure', done, total, unit: 'packages' })
  }
  const decoder = new TextDecoder()
  const outcome = await context.runInTree({
    tree,
    argv: ['/bin/sh', '-c', script(input)],
    env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
      'LC_ALL=C.UTF-8',
      'DEBIAN_FRONTEND=noninteractive',
      'DEBCONF_NONINTERACTIVE_SEEN=true',
      'SYSTEMD_OFFLINE=1',
    ],
    timeoutMs: request.configureTimeoutMs,
    onOutput(bytes) {
      const lines = (line + decoder.decode(bytes, { stream: true })).split('\n')
      line = (lines.pop() ?? '').slice(-LOG_BYTES)
      for (const one of lines) onLine(one)
    },
  })
  if (line !== '') onLine(line)
  if (context.signal.aborted) {
    throw errors.E_INTERRUPTED(`Cannot use "${source}": interrupted while configuring packages`)
  }
  if (outcome.kind === 'exited' && outcome.code === 0) return
  const named = /dpkg: error processing package ([^ ]+)/.exec(log)?.[1] ?? at
  const what = outcome.kind === 'timeout'
    ? `its scripts were not done after ${Math.round(request.configureTimeoutMs / 1000)} s`
    : outcome.kind === 'killed'
    ? `configuring was killed by signal ${outcome.signal}`
    : `its scripts failed (${outcome.code})`
  const tail = log.trimEnd().split('\n').slice(-SHOWN_LINES).map(printable).join('\n  ')
  throw sourceFailure(source, `${what}; the last it said:\n  ${tail}`, {
    ...(named === undefined ? {} : { package: named }),
    hint: 'leave the package out of include, or use another mirror',
  })
}

/** A line of somebody else's output, without what a terminal would obey. */
function printable(line: string): string {
  return line.replace(/\r.*(?=.)/g, '').replace(/\p{Cc}/gu, '').slice(0, 400)
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * What runs inside. As with dpkg, the essential packages are complete before any script of others runs.
 * The shell is process 1 and dpkg is not, so that a script which kills its parent ends dpkg.
 */
export function script({ found, unpacked }: Omit<ConfigureInput, 'context'>): string {
  const { resolution } = found
  const byName = new Map(unpacked.map((one) => [one.wanted.name, one]))
  const stage = (names: readonly string[]) => {
    if (names.length === 0) return []
    const all = names.flatMap((name) => byName.get(name) ?? [])
    return [
      ...all.filter(({ files }) => files.has('preinst')).map((one) => {
        const { name, architecture } = one.wanted
        return `preinst ${quote(name)} ${quote(architecture)} ${quote(infoName(one))}`
      }),
      `dpkg --force-confold --configure ${
        all.map((one) => quote(infoName(one))).join(' ')
      } </dev/null || exit $?`,
    ]
  }
  const version = byName.get('dpkg')?.wanted.version ?? '1.20'
  return [
    'umask 022',
    'cd /',
    'preinst() {',
    `  printf '\\001at %s\\n' "$1"`,
    '  DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT= DPKG_MAINTSCRIPT_PACKAGE="$1" \\',
    '  DPKG_MAINTSCRIPT_ARCH="$2" DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_DEBUG=0 \\',
    `  DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 DPKG_RUNNING_VERSION=${quote(version)} \\`,
    '  "/var/lib/dpkg/info/$3.preinst" install </dev/null || exit $?',
    '}',
    ...stage(resolution.essential.map(({ name }) => name)),
    ...stage(resolution.others.map(({ name }) => name)),
    'dpkg --force-confold --configure --pending </dev/null || exit $?',
    ...cleaning(),
  ].join('\n')
}

/** What of the work is not part of a system: logs, caches, identities. As mmdebstrap leaves it. */
function cleaning(): readonly string[] {
  return [
    "printf '\\001at clean\\n'",
    'rm -f /usr/sbin/policy-rc.d',
    'rm -f /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log',
    'rm -f /var/log/apt/history.log /var/log/apt/term.log /var/log/apt/eipp.log.xz',
    'rm -f /var/cache/ldconfig/aux-cache /var/lib/dbus/machine-id',
    'rm -f /var/lib/dpkg/available /var/lib/dpkg/available-old',
    '# as apt would make them when it is first used',
    'for d in /var/lib/apt/lists/partial /var/cache/apt/archives/partial; do',
    '  [ ! -d "$d" ] || { chown _apt:root "$d" && chmod 0700 "$d"; } || exit $?',
    'done',
    '[ ! -e /etc/machine-id ] || { rm -f /etc/machine-id; : >/etc/machine-id; }',
    'find /run /tmp -mindepth 1 -maxdepth 1 ! -path /run/lock -exec rm -rf {} +',
    'find /var/lib/apt/lists /var/cache/apt -mindepth 1 -type f -delete',
    'exit 0',
  ]
}
