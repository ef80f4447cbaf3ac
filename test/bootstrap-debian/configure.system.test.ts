// @limit 300 s
import * as assert from 'uvu/assert'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { suite, type TestContext } from '../support/suite.ts'
import { type Product, product, type Ran } from '../system/product.ts'
import { leaks, snapshot } from './support/leaks.ts'
import { file, type PackageSpec } from './support/deb.ts'
import { miniDebian } from './support/mini.ts'
import { type Key, makeKey, publish } from './support/repository.ts'
import { type Mirror, startMirror } from './support/server.ts'

const test = suite('debian: from packages to a system', {
  needs: ['root', 'vserver', 'gcc', 'losetup', 'mkfs.ext4'],
  timeoutMs: 60_000,
})

interface World {
  readonly host: Product
  readonly mirror: Mirror
  /** Runs `vserver create NAME --from debian:trixie`, with nothing to be found on PATH. */
  create(name: string, ...more: readonly string[]): Running
  readonly templates: () => readonly string[]
}

interface Running {
  readonly pid: number
  readonly ended: Promise<Ran>
  /** What was printed so far. */
  readonly said: () => string
  kill(signal: NodeJS.Signals): void
}

let key: Key
let base: readonly PackageSpec[]

test.before(async () => {
  key = await makeKey()
  base = miniDebian()
})

async function openWorld(
  { cleanup }: TestContext,
  packages: readonly PackageSpec[] = [],
  root?: string,
): Promise<World> {
  const host = product()
  cleanup(() => host.dispose())
  const keyring = join(host.scratch, 'keys.asc')
  writeFileSync(keyring, key.public)
  const mirror = await startMirror(await publish({ packages: [...base, ...packages], key }))
  cleanup(() => mirror.close())
  const state = root ?? host.root
  const options = [
    `mirror=${mirror.url}`,
    'securityMirror=none',
    'updates=false',
    `keyring=${keyring}`,
    'stallTimeout=20s',
    ...(packages.length === 0 ? [] : [`include=${packages.map(({ name }) => name).join(',')}`]),
  ].flatMap((option) => ['--option', option])
  return {
    host,
    mirror,
    templates: () => {
      const directory = join(state, 'var/lib/vserver/templates')
      return existsSync(directory) ? readdirSync(directory) : []
    },
    create(name, ...more) {
      const [program = '', ...args] = host.argv(
        'create',
        name,
        '--from',
        'debian:trixie',
        ...options,
        ...more,
      )
      const words = args.map((word) => word === host.root ? state : word)
      const child = spawn(program, words, {
        env: { PATH: '/nonexistent', HOME: '/root' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let stdout = ''
      let stderr = ''
      child.stdout.on('data', (chunk) => stdout += chunk)
      child.stderr.on('data', (chunk) => stderr += chunk)
      return {
        pid: child.pid ?? 0,
        ended: new Promise((resolve, reject) => {
          child.once('error', reject)
          child.once('close', (code) => resolve({ code: code ?? 137, stdout, stderr }))
        }),
        said: () => stdout + stderr,
        kill: (signal) => void child.kill(signal),
      }
    },
  }
}

async function until(what: () => boolean, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!what()) {
    if (Date.now() > end) throw new Error('it did not happen')
    await setTimeout(20)
  }
}

const script = (text: string) => `#!/bin/sh\n${text}\n`

test('makes a system with nothing of the host but the one file', async (context) => {
  const world = await openWorld(context, [{
    name: 'app',
    data: [file('./app.conf', 'setting'), file('./app', 'x', 0o4755)],
    control: {
      conffiles: '/app.conf\n',
      preinst: script('echo "$1 $DPKG_MAINTSCRIPT_PACKAGE" >/preinst-ran; [ -e /etc/passwd ]'),
      postinst: script(
        '[ "$1" = configure ] || exit 9; : >/postinst-ran; /usr/sbin/policy-rc.d; echo $? >/policy',
      ),
    },
  }])
  const { code, stderr, stdout } = await world.create('one').ended
  assert.is(code, 0, stderr)
  assert.match(stdout, /one created/)
  const [template = ''] = world.templates()
  assert.match(template, /^debian-trixie-amd64-\d{8}-[0-9a-f]{12}$/)
  const tree = join(world.host.root, 'var/lib/vserver/templates', template)
  const read = (path: string) => readFileSync(join(tree, path), 'utf8')
  assert.is(read('preinst-ran'), 'install app\n')
  assert.is(read('policy'), '101\n')
  assert.ok(existsSync(join(tree, 'postinst-ran')))
  assert.ok(existsSync(join(tree, 'var/dpkg-preinst')))
  const status = read('var/lib/dpkg/status')
  assert.is(status.match(/^Status: install ok installed$/gm)?.length, base.length)
  assert.match(status, /Conffiles:\n \/app\.conf [0-9a-f]{32}\n/)
  assert.is(statSync(join(tree, 'app')).mode & 0o7777, 0o4755)
  assert.is(statSync(join(tree, 'postinst-ran')).uid, 0)
  for (const gone of ['usr/sbin/policy-rc.d', 'var/log/dpkg.log', 'etc/hostname']) {
    assert.not(existsSync(join(tree, gone)), gone)
  }
  assert.is(read('etc/apt/sources.list'), `deb ${world.mirror.url} trixie main\n`)
})

test('uses a template again without the network, and looks when it is told to', async (context) => {
  const world = await openWorld(context)
  const offline = await world.create('none', '--offline').ended
  assert.is(offline.code, 1)
  assert.match(offline.stderr, /there is no template of it yet, and --offline is given/)
  assert.is((await world.create('one').ended).code, 0)
  world.mirror.asked.length = 0
  for (const more of [[], ['--offline']]) {
    assert.is((await world.create(`two${more.length}`, ...more).ended).code, 0)
  }
  assert.is(world.mirror.asked.length, 0)
  assert.is((await world.create('three', '--refresh').ended).code, 0)
  assert.ok(world.mirror.asked.length > 0)
  assert.is(world.templates().length, 1)
  const both = await world.create('four', '--refresh', '--offline').ended
  assert.is(both.code, 2)
})

const failing: readonly (readonly [string, PackageSpec['control'], readonly string[], RegExp])[] = [
  [
    'a postinst that fails',
    { postinst: script('echo out; echo "the reason" >&2; exit 3') },
    [],
    /package "bad": its scripts failed \(\d+\); the last it said:\n[^]*the reason/,
  ],
  [
    'a preinst that fails',
    { preinst: script('echo "no way"; exit 4') },
    [],
    /package "bad": its scripts failed \(4\)[^]*no way/,
  ],
  [
    'a script that hangs',
    { postinst: script('echo "I wait"; sleep 1000') },
    ['--option', 'configureTimeout=2s'],
    /package "bad": its scripts were not done after 2 s[^]*I wait/,
  ],
  [
    'a script that hangs with everything closed',
    { postinst: script('exec >&- 2>&-; trap "" TERM HUP; sleep 1000') },
    ['--option', 'configureTimeout=2s'],
    /package "bad": its scripts were not done after 2 s/,
  ],
  [
    'a script that kills its parent',
    { postinst: script('kill -9 $PPID; sleep 5') },
    [],
    /package "bad": its scripts failed \(137\)/,
  ],
  [
    'a script that kills everybody',
    { postinst: script('kill -9 -1; exit 1') },
    [],
    /package "bad": its scripts failed|was killed/,
  ],
  [
    'a script that writes terminal codes',
    { postinst: script("printf '\\033]0;owned\\007\\033[2J\\n'; exit 1") },
    [],
    /package "bad"[^]*owned/,
  ],
  [
    'a script that writes without end',
    { postinst: script('while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done') },
    ['--option', 'configureTimeout=2s'],
    /were not done after 2 s/,
  ],
]

for (const [what, control = {}, more, message] of failing) {
  test(`names the package of ${what}, and leaves nothing`, async (context) => {
    const world = await openWorld(context, [{ name: 'bad', control }])
    const before = snapshot()
    const { code, stderr } = await world.create('one', ...more).ended
    assert.is(code, 1, stderr)
    assert.match(stderr, /^vserver: Cannot use "debian:trixie": /m)
    assert.match(stderr, message)
    // deno-lint-ignore no-control-regex
    assert.not.match(stderr, /[\x00-\x09\x0b-\x1f]/)
    assert.equal(world.templates(), [])
    assert.equal(leaks(before), [])
  })
}

test('scripts see no network, no host, and cannot get out', async (context) => {
  const world = await openWorld(context, [{
    name: 'probe',
    control: {
      postinst: script([
        'while read -r line; do echo "$line"; done </proc/net/dev >/net',
        'while read -r line; do echo "$line"; done </proc/self/uid_map >/uids',
        'for p in /proc/[0-9]*; do echo $p; done >/pids',
        '(echo x >/proc/sys/kernel/hostname) 2>/dev/null && echo bad >/wrote',
        'exit 0',
      ].join('\n')),
    },
  }])
  const ran = await world.create('one').ended
  assert.is(ran.code, 0, ran.stderr)
  const tree = join(world.host.root, 'var/lib/vserver/templates', world.templates()[0] ?? '')
  const read = (path: string) => readFileSync(join(tree, path), 'utf8')
  const interfaces = read('net').split('\n').slice(2).map((line) => line.split(':')[0]?.trim())
  assert.not(interfaces.some((name) => name !== '' && name !== 'lo'), read('net'))
  assert.match(read('uids'), /^\s*0\s+2\d{9}\s+65536\n$/)
  assert.ok(read('pids').split('\n').length < 10)
  assert.not(existsSync(join(tree, 'wrote')))
})

/** Where a create is when it is interrupted. */
const stages:
  readonly (readonly [string, (world: World) => void, (said: string, world: World) => boolean])[] =
    [
      [
        'reads the release file',
        ({ mirror }) =>
          mirror.behave = (path) => path.includes('InRelease') ? { kind: 'silent' } : undefined,
        (_, { mirror }) => mirror.asked.length > 0,
      ],
      [
        'downloads packages',
        ({ mirror }) =>
          mirror.behave = (path) =>
            path.includes('libc6') ? { kind: 'stall', after: 9999 } : undefined,
        (_, { mirror }) => mirror.asked.some(({ path }) => path.includes('libc6')),
      ],
      ['configures packages', () => undefined, (said) => said.includes('configure')],
    ]

for (const [where, arrange, reached] of stages) {
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`leaves nothing after ${signal} when it ${where}, and a second try works`, async (context) => {
      const world = await openWorld(context, [{
        name: 'slow',
        control: { postinst: script('[ -e /quick ] || sleep 1') },
      }])
      // The cgroups that all guests share stay.
      await world.create('zero', '--offline').ended
      const before = snapshot()
      arrange(world)
      const running = world.create('one')
      await until(() => reached(running.said(), world))
      if (where.startsWith('configures')) await setTimeout(300)
      running.kill(signal)
      const { code, stderr } = await running.ended
      assert.is(code, signal === 'SIGINT' ? 130 : 137, stderr)
      world.mirror.behave = () => undefined
      assert.equal(world.templates().filter((name) => !name.startsWith('.new-')), [])
      if (signal === 'SIGINT') assert.equal(world.templates(), [])
      await until(() => leaks(before, { cgroups: false }).length === 0)
      const again = await world.create('one').ended
      assert.is(again.code, 0, again.stderr)
      assert.is(world.templates().length, 1)
      assert.equal(leaks(before), [])
    })
  }
}

test('says so when the disk is full, and works when there is room', async (context) => {
  const outside = product()
  context.cleanup(() => outside.dispose())
  const image = join(outside.scratch, 'image')
  const mount = join(outside.scratch, 'small')
  mkdirSync(mount)
  const shell = (text: string) => execFileSync('/bin/sh', ['-euc', text], { stdio: 'pipe' })
  shell(`truncate -s 24M ${image}; mkfs.ext4 -q -m 0 ${image}; mount -o loop ${image} ${mount}`)
  context.cleanup(() => shell(`umount ${mount}`))
  const root = join(mount, 'root')
  mkdirSync(root, { mode: 0o700 })
  const large = { name: 'large', data: [file('./large', Buffer.alloc(30 << 20, 7))] }
  const world = await openWorld(context, [large], root)
  const { code, stderr } = await world.create('one').ended
  assert.is(code, 1, stderr)
  assert.match(stderr, /E_DISK_FULL|more than the \d+ MiB|no space|is full/)
  assert.equal(world.templates(), [])
  shell(
    `umount ${mount}; truncate -s 200M ${image}; e2fsck -fp ${image} >/dev/null || true; resize2fs ${image} 2>/dev/null; mount -o loop ${image} ${mount}`,
  )
  const again = await world.create('one').ended
  assert.is(again.code, 0, again.stderr)
  execFileSync(world.host.argv()[0] ?? '', ['--root', root, 'destroy', '--yes', 'one'], {
    stdio: 'pipe',
  })
})

test('DNS that does not answer ends in a message', async (context) => {
  const world = await openWorld(context)
  const { code, stderr } = await world.create(
    'one',
    '--option',
    'mirror=http://mirror.invalid/debian',
    '--option',
    'stallTimeout=2s',
  ).ended
  assert.is(code, 1)
  assert.match(
    stderr,
    /http:\/\/mirror\.invalid\/debian\/dists\/trixie\/InRelease: (its name|nothing came)/,
  )
})

test('refuses suites and options that do not exist', async (context) => {
  const world = await openWorld(context)
  const { host } = world
  const suiteRan = host.run(['create', 'one', '--from', 'debian:trixi'])
  assert.is(suiteRan.code, 1)
  assert.match(suiteRan.stderr, /there is no suite "trixi"\n\s+did you mean debian:trixie\?/)
  const optionRan = host.run([
    'create',
    'one',
    '--from',
    'debian:trixie',
    '--option',
    'miror=http://x/',
  ])
  assert.is(optionRan.code, 2)
  assert.match(optionRan.stderr, /miror/)
  const urlRan = host.run([
    'create',
    'one',
    '--from',
    'debian:trixie',
    '--option',
    'mirror=ftp://x/',
  ])
  assert.is(urlRan.code, 2)
})

test.run()
