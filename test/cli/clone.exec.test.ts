/**
 * Clones of stopped guests, looked at through overlays. Two of the tests kill the command at its changes.
 * @limit 600 s
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver clone', { needs: ['root', 'getfattr'], timeoutMs: 120_000 })
const it = program()
test.after(() => it.dispose())
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const upper = (name: string, ...parts: readonly string[]) => lib('guests', name, 'upper', ...parts)

interface Meta {
  readonly template: string
  readonly layers: readonly string[]
  readonly ids: { readonly first: number }
}
const meta = (name: string): Meta =>
  JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))

/** Runs a shell line in which `$m` is an overlay like a guest's root, in a mount namespace of its own. */
function mounted(name: string, line: string, writable = true): string {
  const { layers, template } = meta(name)
  const lower = [...layers.map((id) => lib('layers', id)), lib('templates', template)]
  const guest = lib('guests', name)
  const options = writable
    ? `lowerdir=${lower.join(':')},upperdir=${guest}/upper,workdir=${guest}/work,redirect_dir=on`
    : `lowerdir=${[upper(name), ...lower].join(':')}`
  const script =
    `m=$(mktemp -d) && mount -t overlay -o '${options}' overlay $m && { ${line}\n}; r=$?; ` +
    'umount -l $m; rmdir $m; exit $r'
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

/** All that can be seen of a guest's tree: names, owners, modes, times of files, links, contents. */
function seen(name: string): string {
  const line = 'cd $m; find . -not -path ./etc/hostname -printf "%p %y %U:%G %m %l %s\\n" | ' +
    'grep -v "^./etc d" | sort; ' +
    'find . -type f -not -path ./etc/hostname -printf "%p %T@ " -exec sha256sum {} \\; | sort; ' +
    'getfattr -R -h -d -m "^(user|security)" . 2>/dev/null'
  return mounted(name, line, false)
}

/** What a guest may do to its files. */
const writes = [
  'cd $m',
  'echo new >data/new',
  'rm data/b',
  'mv data data2',
  'rm -r gone && mkdir gone && echo x >gone/again',
  'ln data2/a data2/link',
  'chown 3:4 data2/a',
  'setfattr -n user.x -v y data2/new',
  'touch -d @1000000000 data2/new',
].join('; ')

const tree = makeTree(join(it.scratch, 'tree'))
for (const directory of ['etc', 'data', 'gone']) mkdirSync(join(tree, directory))
for (const file of ['data/a', 'data/b', 'gone/c']) writeFileSync(join(tree, file), file)
writeFileSync(join(tree, 'etc/hostname'), 'machine\n')

function makeSource(name: string): void {
  const ran = it.run('create', name, '--from', `dir:${tree}`)
  if (ran.code !== 0) throw new Error(ran.stderr)
  mounted(name, writes)
}

test('shares all files, and what either writes is its own', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web', 'web2'))
  makeSource('web')
  chmodSync(upper('web'), 0o751)
  const before = seen('web')
  const ran = it.run('clone', 'web', 'web2')
  assert.is(ran.code, 0, ran.stderr)
  assert.is(ran.stdout, 'web2 cloned from web\n')
  assert.is(seen('web'), before)
  assert.is(seen('web2'), before)
  const [layer = ''] = meta('web').layers
  assert.equal(meta('web2').layers, [layer])
  assert.is(lstatSync(lib('layers', layer)).mode & 0o7777, 0o751)
  assert.is(lstatSync(lib('layers')).mode & 0o7777, 0o700)
  assert.is(lstatSync(upper('web2')).mode & 0o7777, 0o751)
  assert.equal(readdirSync(upper('web')), [])
  assert.is(readFileSync(upper('web2', 'etc/hostname'), 'utf8'), 'web2\n')
  assert.not(meta('web').ids.first === meta('web2').ids.first)
  assert.is(readlinkSync(`/var/lib/vserver/ids/${meta('web2').ids.first}`), lib('guests/web2'))
  mounted('web', 'echo changed >$m/data2/a')
  mounted('web2', 'rm $m/data2/new')
  assert.match(mounted('web2', 'cat $m/data2/a; test ! -e $m/data2/new'), /^data\/a$/)
  assert.match(mounted('web', 'cat $m/data2/a $m/data2/new'), /^changed\nnew\n$/)
})

test('needs no layer for what was sealed before', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b', 'c'))
  makeSource('a')
  assert.is(it.run('clone', 'a', 'b').code, 0)
  assert.is(it.run('clone', 'a', 'c').code, 0)
  assert.equal(meta('c').layers, meta('a').layers)
  assert.is(meta('a').layers.length, 1)
})

test('removes a layer with the last guest that has it', () => {
  makeSource('a')
  it.run('clone', 'a', 'b')
  mounted('b', 'echo more >$m/more')
  it.run('clone', 'b', 'c')
  const all = meta('c').layers
  assert.is(all.length, 2)
  it.run('destroy', '--yes', 'a', 'b')
  assert.equal(readdirSync(lib('layers')).toSorted(), all.toSorted())
  it.run('destroy', '--yes', 'c')
  assert.equal(readdirSync(lib('layers')), [])
})

test('keeps the source’s configuration and comments, but not its host name', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b'))
  makeSource('a')
  const file = lib('guests/a/guest.yaml')
  const text = `# mine\n${
    readFileSync(file, 'utf8')
  }after: [db] # first\nhostname: x\nautostart: true\n`
  writeFileSync(file, text)
  assert.is(it.run('clone', 'a', 'b').code, 0)
  const copied = readFileSync(lib('guests/b/guest.yaml'), 'utf8')
  assert.match(copied, /^# mine\n/)
  assert.match(copied, /after: \[ ?db ?\] # first/)
  assert.not(/hostname: x|autostart/.test(copied))
  assert.is(readFileSync(file, 'utf8'), text)
})

/** A process that has a file of a guest open although the overlay is unmounted. */
async function holder(name: string, line: string) {
  const { layers, template } = meta(name)
  const lower = [...layers.map((id) => lib('layers', id)), lib('templates', template)].join(':')
  const guest = lib('guests', name)
  // It is killed, and removes nothing.
  const script = `m=$(mktemp -d -p '${it.scratch}'); mount -t overlay -o ` +
    `'lowerdir=${lower},upperdir=${guest}/upper,workdir=${guest}/work' overlay $m; ${line}`
  const child = spawn('unshare', ['-m', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    async end() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

for (
  const [what, line] of [
    ['an overlay that is still mounted', 'echo ready; exec sleep 60'],
    [
      'a descriptor of an unmounted overlay',
      'exec 3>>$m/data2/a; umount -l $m; echo ready; exec sleep 60',
    ],
  ] as const
) {
  test(`refuses to seal under ${what}`, async ({ cleanup }) => {
    cleanup(() => it.run('destroy', '--yes', 'web', 'web2'))
    makeSource('web')
    const state = () => [
      seen('web'),
      readFileSync(lib('guests/web/meta.json'), 'utf8'),
      spawnSync('getfattr', ['-d', '-m', '-', upper('web')], { encoding: 'utf8' }).stdout,
    ]
    const before = state()
    const held = await holder('web', line)
    cleanup(() => held.end())
    const ran = it.run('clone', 'web', 'web2')
    assert.is(ran.code, 1)
    assert.match(
      ran.stderr,
      /Cannot clone "web": files of it are still open although it is stopped/,
    )
    assert.equal(state(), before, 'the trial left nothing')
    assert.equal(readdirSync(lib('layers')), [])
    assert.equal(readdirSync(lib('guests')), ['web'])
    await held.end()
    assert.is(it.run('clone', 'web', 'web2').code, 0)
  })
}

/** Layers of one file each, put below a guest. */
function deepen(name: string, count: number): readonly string[] {
  const names = Array.from({ length: count }, (_, index) => `layer-${index}`)
  for (const one of names) {
    mkdirSync(lib('layers', one))
    writeFileSync(lib('layers', one, one), '')
  }
  const file = lib('guests', name, 'meta.json')
  writeFileSync(file, JSON.stringify({ ...meta(name), layers: names }))
  return names
}

test('merges layers before there are more than ten', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'deep', 'copy', 'other'))
  makeSource('deep')
  const names = deepen('deep', 10)
  assert.is(it.run('clone', 'deep', 'copy').code, 0)
  assert.is(meta('deep').layers.length, 2, 'what was written, over one that holds the others')
  assert.equal(readdirSync(lib('layers')).toSorted(), meta('deep').layers.toSorted())
  assert.equal(meta('copy').layers, meta('deep').layers)
  const [, flat = ''] = meta('deep').layers
  assert.equal(readdirSync(lib('layers', flat)).toSorted(), names.toSorted())
  assert.is(seen('copy'), seen('deep'))
  // More than are made nowadays, and others that still stand on the same.
  const many = deepen('copy', 14)
  writeFileSync(
    lib('guests/deep/meta.json'),
    JSON.stringify({ ...meta('deep'), layers: many }),
  )
  assert.is(it.run('clone', 'copy', 'other').code, 0)
  assert.is(meta('copy').layers.length, 2)
  assert.equal(
    readdirSync(lib('layers')).toSorted(),
    [...many, ...meta('copy').layers].toSorted(),
    'a layer stays as long as a guest has it',
  )
  assert.is(seen('deep'), seen('deep'))
})

test('refuses more layers than can be mounted where they cannot be merged', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'deep'))
  makeSource('deep')
  const [top = ''] = deepen('deep', 14)
  // Longer than a path may be: only a program inside, step by step, makes such.
  const name = 'x'.repeat(250)
  const line = `cd ${lib('layers', top)}; for i in $(seq 17); do mkdir ${name}; cd ${name}; done`
  assert.is(spawnSync('bash', ['-c', line]).status, 0)
  const before = readFileSync(lib('guests/deep/meta.json'), 'utf8')
  const ran = it.run('clone', 'deep', 'copy')
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /it stands on 14 layers, which cannot be merged/)
  assert.is(readFileSync(lib('guests/deep/meta.json'), 'utf8'), before)
  assert.is(readdirSync(lib('layers')).filter((one) => one.startsWith('.')).length, 0)
})

test('refuses what it cannot do, and leaves nothing', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web', 'db'))
  makeSource('web')
  makeSource('db')
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['nobody', 'x'], 4, /"nobody": there is no such guest/],
    [['web', 'db'], 1, /there is a guest of this name/],
    [['web', 'clone'], 2, /it is a verb/],
    [['web', 'X'], 2, /a name is made of/],
    [['web'], 2, /expected <source> <name>/],
  ]
  for (const [words, code, pattern] of cases) {
    const ran = it.run('clone', ...words)
    assert.is(ran.code, code, ran.stderr)
    assert.match(ran.stderr, pattern)
  }
  assert.equal(readdirSync(lib('guests')).toSorted(), ['db', 'web'])
  assert.equal(readdirSync(lib('layers')), [])
  assert.equal(readdirSync(join(it.root, 'run/vserver/guests')).toSorted(), ['db', 'web'])
})

for (const depth of [0, 10]) killed(depth)

/** @param depth layers that the source stands on when it is cloned */
function killed(depth: number): void {
  const how = depth === 0 ? '' : ', merging layers'
  test(`may be killed before any of its changes${how}: both guests stay usable`, (context) => {
    killEvery(depth, context)
  }, { timeoutMs: 240_000 })
}

function killEvery(depth: number, { cleanup }: TestContext): void {
  cleanup(() => it.run('destroy', '--yes', 'web'))
  makeSource('web')
  const stand = () => {
    const names: string[] = []
    for (let index = 0; index < depth; index++) {
      const id = `layer-${index}`
      mkdirSync(lib('layers', id, 'data'), { recursive: true })
      writeFileSync(lib('layers', id, 'data', id), id)
      names.push(id)
    }
    writeFileSync(lib('guests/web/meta.json'), JSON.stringify({ ...meta('web'), layers: names }))
    it.run('list')
  }
  const collect = (kept: readonly string[]) => {
    for (const id of readdirSync(lib('layers'))) {
      if (!kept.includes(id)) rmSync(lib('layers', id), { recursive: true })
    }
  }
  stand()
  const run = (killAt: number, ...words: readonly string[]) =>
    spawnSync(
      process.execPath,
      ['--import', inRepository('test/cli/kill_at.ts'), inRepository('core/main.ts'), ...words],
      {
        env: {
          ...process.env,
          VSERVER_EXECUTOR: executorPath,
          VSERVER_ROOT: it.root,
          VSERVER_TEST_KILL_AT: String(killAt),
        },
        encoding: 'utf8',
      },
    )
  const counted = run(0, 'clone', 'web', 'counted')
  const total = Number(/changes: (\d+)/.exec(counted.stderr)?.[1])
  assert.ok(total > 20 && total < 250, counted.stderr)
  assert.is(it.run('destroy', '--yes', 'counted').code, 0)
  let killed = 0
  // Some of them, other ones each time, for each takes some seconds.
  const step = depth === 0 ? 4 : Math.ceil(total / 14)
  for (let at = 1 + process.pid % step; at <= total; at += step) {
    // Something to seal, as in the run that was counted.
    stand()
    collect(meta('web').layers)
    mounted('web', 'echo x >$m/again; rm $m/again; echo y >$m/root-note')
    const expected = seen('web')
    const ran = run(at, 'clone', 'web', 'copy')
    killed += ran.signal === 'SIGKILL' ? 1 : 0
    assert.is(seen('web'), expected, `the source, killed at ${at}`)
    if (existsSync(lib('guests/copy'))) assert.is(seen('copy'), expected, `the clone, at ${at}`)
    else assert.is(it.run('clone', 'web', 'copy').code, 0, `a second try after ${at}`)
    assert.is(seen('copy'), expected)
    assert.is(seen('web'), expected)
    assert.ok(meta('web').layers.length <= 10)
    assert.is(it.run('destroy', '--yes', 'copy').code, 0)
    const hidden = [...readdirSync(lib('guests')), ...readdirSync(lib('layers'))]
      .filter((name) => name.startsWith('.'))
    assert.equal(hidden, [], `killed at ${at}`)
    assert.equal(readdirSync(lib('layers')).toSorted(), meta('web').layers.toSorted())
  }
  assert.ok(killed > total / step * 0.5, `${killed} of ${total} were killed`)
}

test.run()
