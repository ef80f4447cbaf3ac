/**
 * The verbs that work. Dispatch, help and the README's table are made from this list; the code of a verb
 * is loaded when it is used. Sorted as a person meets them.
 *
 * @module
 */
import type { VerbInfo, VerbOption } from './types.ts'

/** Accepted before and after the verb. */
export const globalOptions: readonly VerbOption[] = [
  { name: 'root', value: '<dir>', doc: 'keep all state below this directory (also VSERVER_ROOT)' },
  { name: 'json', doc: 'print one JSON value' },
  { name: 'quiet', doc: 'print only results and errors' },
  { name: 'no-color', doc: 'no colours (there are none yet; also NO_COLOR)' },
  { name: 'lock-timeout', value: '<s>', doc: 'wait so many seconds for a lock (10)' },
  { name: 'help', short: 'h', doc: 'show help' },
]

const all: VerbOption = { name: 'all', doc: 'every guest' }

export const verbTable: readonly VerbInfo[] = [
  {
    verb: 'create',
    positional: '<name>',
    doc: 'make a guest',
    options: [
      {
        name: 'from',
        value: '<source>',
        doc: 'debian:SUITE, dir:PATH, tar:FILE or guest:NAME[@SNAPSHOT]',
      },
      { name: 'option', value: '<key=value>', repeat: true, doc: 'an option of the source' },
      { name: 'refresh', doc: 'look at the source, also when an equal one was used before' },
      { name: 'offline', doc: 'do not use the network' },
      { name: 'allow-expired', doc: 'accept a release file that is no longer valid' },
      { name: 'set', value: '<key=value>', repeat: true, doc: 'a configuration key (YAML value)' },
    ],
    examples: [
      'vserver create web --from debian:trixie',
      'vserver create web --from debian:trixie --option include=curl,vim',
      'vserver create web --from dir:/srv/trixie',
      'vserver create web --from tar:rootfs.tar.xz --set stopTimeout=10s',
      'vserver create web2 --from guest:web@before-upgrade',
    ],
    load: () => import('./create.ts'),
  },
  {
    verb: 'start',
    positional: '[...names]',
    doc: 'start guests',
    options: [
      all,
      {
        name: 'wait',
        value: '[s]',
        valueOptional: true,
        doc: 'wait until the guest says it is ready; --wait=exit: until it ends',
      },
    ],
    examples: ['vserver start web', 'vserver start web db --wait=30', 'vserver start --all'],
    load: () => import('./start.ts'),
  },
  {
    verb: 'stop',
    positional: '[...names]',
    doc: 'stop guests: ask the init, then kill after stopTimeout',
    options: [all, { name: 'timeout', value: '<s>', doc: 'instead of stopTimeout' }],
    examples: ['vserver stop web', 'vserver stop --all', 'vserver stop web --timeout 5'],
    load: () => import('./stop.ts'),
  },
  {
    verb: 'restart',
    positional: '[...names]',
    doc: 'stop guests and start them again',
    options: [{ ...all, doc: 'every guest that runs' }],
    examples: ['vserver restart web', 'vserver restart --all'],
    load: () => import('./restart.ts'),
  },
  {
    verb: 'kill',
    positional: '[...names]',
    doc: 'end guests at once, or send their init a signal',
    options: [{ ...all, doc: 'every guest that runs' }, {
      name: 'signal',
      short: 's',
      value: '<signal>',
      doc: 'only send this signal',
    }],
    examples: ['vserver kill web', 'vserver kill -s HUP web'],
    load: () => import('./kill.ts'),
  },
  {
    verb: 'exec',
    positional: '<name> [...command]',
    doc: 'run a command in a running guest',
    options: [
      { name: 'tty', short: 't', doc: 'give the command a terminal' },
      { name: 'no-tty', short: 'T', doc: 'give the command no terminal' },
      { name: 'cwd', short: 'w', value: '<dir>', doc: 'working directory inside (/)' },
      { name: 'env', short: 'e', value: '<key=value>', repeat: true, doc: 'a variable to add' },
    ],
    examples: ['vserver exec web -- id', 'vserver exec --cwd /tmp web -- sh -c "ls | wc -l"'],
    takesCommand: true,
    load: () => import('./exec.ts'),
  },
  {
    verb: 'enter',
    positional: '<name>',
    doc: 'log in to a running guest',
    options: [],
    examples: ['vserver enter web'],
    load: () => import('./enter.ts'),
  },
  {
    verb: 'console',
    positional: '<name>',
    doc: "attach to a running guest's console",
    options: [],
    examples: ['vserver console web'],
    load: () => import('./console.ts'),
  },
  {
    verb: 'logs',
    positional: '<name>',
    doc: 'show what a guest wrote to its console',
    options: [
      { name: 'follow', short: 'f', doc: 'go on as more is written' },
      { name: 'lines', short: 'n', value: '<n>', doc: 'only the last so many lines' },
    ],
    examples: ['vserver logs web', 'vserver logs -f -n 20 web'],
    load: () => import('./logs.ts'),
  },
  {
    verb: 'list',
    positional: '[...names]',
    doc: 'list guests',
    options: [],
    examples: ['vserver list', 'vserver list --json'],
    load: () => import('./list.ts'),
  },
  {
    verb: 'status',
    positional: '[...names]',
    doc: 'show what is known of guests',
    options: [all],
    examples: ['vserver status web', 'vserver status web db --json'],
    load: () => import('./status.ts'),
  },
  {
    verb: 'set',
    positional: '<name> [...changes]',
    doc: "change a guest's configuration: KEY=VALUE, KEY+=ITEM, KEY-=ITEM; all or nothing",
    options: [{ name: 'unset', value: '<key>', repeat: true, doc: 'back to the default' }],
    examples: [
      'vserver set web stopTimeout=10s autostart=true',
      'vserver set web after+=db --unset hostname',
      "vserver set web 'mounts+={source: /srv, target: /srv, readOnly: true}'",
    ],
    load: () => import('./set.ts'),
  },
  {
    verb: 'config',
    positional: '[name]',
    doc: "show a guest's configuration",
    options: [
      { name: 'effective', doc: 'every value, and where it comes from' },
      { name: 'schema', doc: 'print the JSON Schema of guest.yaml' },
    ],
    examples: ['vserver config web', 'vserver config web --effective', 'vserver config --schema'],
    load: () => import('./config.ts'),
  },
  {
    verb: 'clone',
    positional: '<source> <name>',
    doc: 'make another guest that shares the files of one, or of a snapshot (NAME@SNAPSHOT)',
    options: [],
    examples: ['vserver clone web web2', 'vserver clone web@before-upgrade web3'],
    load: () => import('./clone.ts'),
  },
  {
    verb: 'unify',
    positional: '[...names]',
    doc: 'make equal files of all guests one on disk and in memory',
    options: [
      { name: 'dry-run', doc: 'only say what would be saved' },
      {
        name: 'ignore-times',
        doc: 'also files that were modified at different times; one of the times stays',
      },
      { name: 'verify', doc: 'read all shared files again; repair what is damaged' },
      { name: 'undo', doc: 'give the guests named files of their own again' },
      {
        name: 'auto',
        doc: 'when no other one is at it, and only with what others leave of CPU and disk',
      },
    ],
    examples: [
      'vserver unify',
      'vserver unify --dry-run',
      'vserver unify web db',
      'vserver unify --auto --quiet',
    ],
    load: () => import('./unify.ts'),
  },
  {
    verb: 'snapshots',
    positional: '<name>',
    doc: "list a guest's snapshots, create or delete one, or go back to one",
    options: [
      { name: 'create', value: '<snapshot>', doc: 'keep the state of now; the guest may run' },
      {
        name: 'rollback',
        value: '<snapshot>',
        doc: 'go back to it; what is not in any snapshot becomes an automatic one',
      },
      { name: 'delete', value: '<snapshot>', doc: 'forget it, and free what only it holds' },
    ],
    examples: [
      'vserver snapshots web',
      'vserver snapshots web --create before-upgrade',
      'vserver snapshots web --rollback before-upgrade',
      'vserver snapshots web --delete before-upgrade',
    ],
    load: () => import('./snapshots.ts'),
  },
  {
    verb: 'du',
    positional: '[...names]',
    doc: 'show how much space guests take, alone and together',
    options: [],
    examples: ['vserver du', 'vserver du web db', 'vserver du --json'],
    load: () => import('./du.ts'),
  },
  {
    verb: 'rename',
    positional: '<name> <new-name>',
    doc: 'give a stopped guest another name',
    options: [],
    examples: ['vserver rename web www'],
    load: () => import('./rename.ts'),
  },
  {
    verb: 'destroy',
    positional: '[...names]',
    doc: 'remove guests and all their files',
    options: [all, { name: 'yes', short: 'y', doc: 'do not ask' }],
    examples: ['vserver destroy web', 'vserver destroy web db --yes', 'vserver destroy --all'],
    load: () => import('./destroy.ts'),
  },
  {
    verb: 'plugins',
    positional: '',
    doc: 'list plugins, or test one',
    options: [
      { name: 'test', value: '<dir>', doc: 'run the conformance suites on the plugin in there' },
      {
        name: 'source',
        value: '<source>',
        doc: 'with --test: what a bootstrapper may make trees of',
      },
    ],
    examples: ['vserver plugins', 'vserver plugins --test /etc/vserver/plugins/net-mine'],
    load: () => import('./plugins.ts'),
  },
  {
    verb: 'explain',
    positional: '[verb] [name]',
    doc: 'print the plan of a verb, or check a configuration file',
    options: [
      { name: 'plan', doc: 'the whole plan as text that reads back, byte for byte' },
      { name: 'file', value: '<file>', doc: 'a configuration instead of a guest' },
      { name: 'check', doc: 'only check the file' },
      { name: 'schema', doc: 'print the JSON Schema of guest.yaml' },
    ],
    examples: [
      'vserver explain start web',
      'vserver explain exec web --plan',
      'vserver explain --file guest.yaml --check',
    ],
    unprivileged: true,
    load: () => import('./explain.ts'),
  },
  {
    verb: 'check',
    positional: '',
    doc: 'say whether this host can run guests, and what is missing',
    options: [],
    examples: ['vserver check', 'vserver check --json'],
    load: () => import('./check.ts'),
  },
  {
    verb: 'completion',
    positional: '<shell>',
    doc: 'print a script that completes commands in bash, zsh or fish',
    options: [],
    examples: ['vserver completion bash', 'vserver completion zsh', 'vserver completion fish'],
    unprivileged: true,
    load: () => import('./completion.ts'),
  },
]

/** The README's table of verbs, between `<!-- verbs -->` and `<!-- /verbs -->`. Pure. */
export function renderVerbTable(): string {
  const rows = verbTable.map(({ verb, positional, doc }) => {
    const usage = positional === '' ? verb : `${verb} ${positional}`
    return `| \`${usage}\` | ${doc} |`
  })
  return ['| verb | what it does |', '| --- | --- |', ...rows].join('\n')
}
