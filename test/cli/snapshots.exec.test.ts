/**
 * Snapshots of stopped guests, looked at through overlays. Some of the tests kill the command at its changes.
 * @limit 600 s
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver snapshots', { needs: ['root', 'getfattr'], timeoutMs: 240_000 })
const it = program()
test.after(() => it.dispose())
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const layerNames = () => readdirSync(lib('layers')).toSorted()

interface Snapshot {
  readonly name: string
  readonly layers: readonly string[]
  readonly automatic: boolean
}
interface Meta {
  readonly version: number
  readonly template: string
  readonly layers: readonly string[]
  readonly snapshots?: readonly Snapshot[]
}
const meta = (name: string): Meta =>
  JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))

function must(...words: readonly string[]): string {
  const ran = it.run(...words)
  assert.is(ran.code, 0, `${words.join(' ')}: ${ran.stderr}`)
  return ran.stdout
}
const snapshots = (name: string): readonly Snapshot[] =>
  JSON.parse(must('snapshots', name, '--json'))

/** Runs a shell line in which `$m` is the guest's root, in a mount namespace of its own. */
function mounted(name: string, line: string): string {
  const { layers, template } = meta(name)
  const lower = [...layers.map((id) => lib('layers', id)), lib('templates', template)].join(':')
  const guest = lib('guests', name)
  const options = `lowerdir=${lower},upperdir=${guest}/upper,workdir=${guest}/work,redirect_dir=on`
  const script = `m=$(mktemp -d) && mount -t overlay -o '${options}' overlay $m && { ${line}\n}; ` +
    'r=$?; umount -l $m; rmdir $m; exit $r'
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

function seen(name: string): string {
  return mounted(
    name,
    `cd $m; find . -not -path ./etc/hostname -printf "%p %y %U:%G %m %l %s\\n" | ` +
      'grep -v "^./etc d" | sed "s/ d \\(.*\\) [0-9]*$/ d \\1/" | sort; ' +
      'find . -type f -not -path ./etc/hostname -printf "%p %T@ " -exec sha256sum {} \\; | sort; ' +
      'getfattr -R -h -d -m "^(user|security)" . 2>/dev/null',
  )
}

const tree = makeTree(join(it.scratch, 'tree'))
for (const directory of ['etc', 'data', 'gone']) mkdirSync(join(tree, directory))
for (const file of ['data/a', 'data/b', 'gone/c']) writeFileSync(join(tree, file), file)
writeFileSync(join(tree, 'etc/hostname'), 'machine\n')

function make(name: string): void {
  must('create', name, '--from', `dir:${tree}`)
}

const changes = 'cd $m; echo new >data/new; rm data/b; mv data data2; rm -r gone; mkdir gone; ' +
  'setfattr -n user.x -v y data2/new'

test('brings a guest back, and keeps what it was as an automatic one', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web'))
  make('web')
  assert.is(must('snapshots', 'web'), 'NAME  CREATED  LAYERS  MADE\n')
  mounted('web', changes)
  const first = seen('web')
  assert.is(must('snapshots', 'web', '--create', 'first'), 'web@first created\n')
  assert.is(seen('web'), first)
  mounted('web', 'cd $m; rm -r data2; echo later >later; chmod 700 .')
  const second = seen('web')
  const text = must('snapshots', 'web', '--rollback', 'first')
  assert.match(text, /^web is back at first; what it was is now web@auto-\d{8}-\d{6}\n$/)
  assert.is(seen('web'), first)
  const [one, auto] = snapshots('web')
  assert.equal([one?.name, one?.automatic, auto?.automatic], ['first', false, true])
  assert.match(must('snapshots', 'web'), /\nfirst +20\S+ +1\nauto-\S+ +20\S+ +2 +by a rollback\n$/)
  assert.is(must('snapshots', 'web', '--rollback', 'first'), 'web is back at first\n')
  assert.is(
    must('snapshots', 'web', '--rollback', auto?.name ?? ''),
    `web is back at ${auto?.name}\n`,
  )
  assert.is(seen('web'), second)
  assert.is(lstatSync(lib('guests/web/upper')).mode & 0o7777, 0o700)
  assert.equal(snapshots('web').length, 2, 'nothing was lost, so nothing was added')
})

test('keeps how "/" looks where nothing else was written', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web'))
  make('web')
  must('snapshots', 'web', '--create', 'first')
  const before = seen('web')
  chmodSync(lib('guests/web/upper'), 0o711)
  must('snapshots', 'web', '--rollback', 'first')
  assert.is(seen('web'), before)
})

test('removes a layer with the last that names it', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web', 'web2', 'www'))
  make('web')
  mounted('web', 'echo 1 >$m/one')
  must('snapshots', 'web', '--create', 'one')
  mounted('web', 'echo 2 >$m/two')
  must('snapshots', 'web', '--create', 'two')
  assert.is(meta('web').version, 2)
  const [two = '', one = ''] = meta('web').layers
  must('snapshots', 'web', '--rollback', 'one')
  assert.equal(layerNames(), [one, two].toSorted())
  must('clone', 'web@two', 'web2')
  assert.equal(meta('web2').layers, [two, one])
  assert.is(meta('web2').snapshots, undefined, 'a clone inherits none')
  assert.is(mounted('web2', 'cat $m/two $m/etc/hostname'), '2\nweb2\n')
  must('snapshots', 'web', '--delete', 'two')
  assert.equal(layerNames(), [one, two].toSorted())
  must('rename', 'web', 'www')
  assert.equal(snapshots('www').map(({ name }) => name), ['one'])
  must('destroy', '--yes', 'web2')
  assert.equal(layerNames(), [one])
  must('snapshots', 'www', '--delete', 'one')
  assert.equal(layerNames(), [one], 'the guest itself stands on it')
  assert.is(meta('www').version, 1)
  must('destroy', '--yes', 'www')
  assert.equal(layerNames(), [])
})

test('is a source for a copy in full', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web', 'copy', 'fresh'))
  make('web')
  must('snapshots', 'web', '--create', 'zero')
  mounted('web', changes)
  must('snapshots', 'web', '--create', 'first')
  mounted('web', 'rm -r $m/data2')
  must('create', 'copy', '--from', 'guest:web@first')
  assert.equal(meta('copy').layers, [])
  assert.is(mounted('copy', 'cat $m/data2/a $m/data2/new; ls $m/gone'), 'data/anew\n')
  must('create', 'fresh', '--from', 'guest:web@zero')
  assert.is(mounted('fresh', 'cat $m/data/b'), 'data/b')
  const none = it.run('create', 'none', '--from', 'guest:web@none')
  assert.is(none.code, 1)
  assert.match(none.stderr, /Cannot copy "web@none": there is no such snapshot\n {2}vserver snap/)
})

test('is kept by a record that cannot be read, of whatever guest', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web', 'other', 'gone'))
  for (const name of ['web', 'other', 'gone']) {
    make(name)
    mounted(name, 'echo 1 >$m/one')
    must('snapshots', name, '--create', 'one')
    mounted(name, 'echo 2 >$m/one')
    must('snapshots', name, '--rollback', 'one')
  }
  const before = layerNames()
  assert.is(before.length, 6)
  const file = lib('guests/web/meta.json')
  const good = readFileSync(file, 'utf8')
  const damaged = [
    good.slice(0, good.length / 2),
    '',
    good.replace('"snapshots"', '"snapshotz"'),
    good.replace('"version": 2', '"version": 3'),
    good.replace('"version": 2', '"version": 1'),
    good.replace('"name": "one"', '"name": "../one"'),
  ]
  for (const [index, text] of damaged.entries()) {
    writeFileSync(file, text)
    const [auto] = snapshots('other').filter(({ automatic }) => automatic)
    if (auto !== undefined) must('snapshots', 'other', '--delete', auto.name)
    else if (existsSync(lib('guests/gone'))) must('destroy', '--yes', 'gone')
    // What is left of the command says that something may be garbage, once all can be read.
    assert.equal(layerNames().filter((id) => !id.startsWith('.')), before, `damage ${index}`)
    assert.is(it.run('snapshots', 'web').code, 1)
  }
  writeFileSync(file, good)
  must('snapshots', 'web', '--create', 'two')
  must('snapshots', 'web', '--delete', 'two')
  assert.is(layerNames().length, 3, 'once all can be read, what nobody names is removed')
})

test('refuses what it cannot do, with a remedy', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'web'))
  make('web')
  must('snapshots', 'web', '--create', 'one')
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['snapshots', 'nobody'], 4, /"nobody": there is no such guest/],
    [['snapshots', 'nobody', '--create', 'x'], 4, /"nobody": there is no such guest/],
    [['snapshots', 'web', '--create', 'one'], 1, /there is a snapshot of this name\n {2}choose/],
    [['snapshots', 'web', '--create', 'One'], 2, /a name is made of/],
    [['snapshots', 'web', '--create', ''], 2, /must not be empty/],
    [['snapshots', 'web', '--create', 'a', '--delete', 'b'], 2, /exclude each other/],
    [['snapshots', 'web', '--rollback', 'two'], 1, /no such snapshot\n {2}vserver snapshots web/],
    [['snapshots', 'web', '--delete', 'two'], 1, /"web@two": there is no such snapshot/],
    [['clone', 'web@two', 'x'], 1, /Cannot clone "web@two": there is no such snapshot/],
    [['clone', 'web@one@two', 'x'], 1, /no such snapshot/],
    [['clone', '@one', 'x'], 2, /must not be empty/],
    [['rename', 'web@one', 'x'], 2, /a name is made of/],
  ]
  for (const [words, code, pattern] of cases) {
    const ran = it.run(...words)
    assert.is(ran.code, code, `${words.join(' ')}: ${ran.stderr}`)
    assert.match(ran.stderr, pattern)
  }
  assert.equal(readdirSync(lib('guests')), ['web'])
  assert.equal(readdirSync(join(it.root, 'run/vserver/guests')), ['web'])
})

const deeds: readonly (readonly [string, readonly string[]])[] = [
  ['creating', ['--create', 'new']],
  ['going back', ['--rollback', 'first']],
  ['deleting', ['--delete', 'first']],
]
for (const [what, words] of deeds) {
  test(`${what} may be killed before any of its changes: all of before, or all of after`, ({ cleanup }) => {
    cleanup(() => it.run('destroy', '--yes', 'web'))
    make('web')
    mounted('web', changes)
    must('snapshots', 'web', '--create', 'first')
    const first = seen('web')
    const prepare = () => {
      mounted('web', 'echo x >$m/again; rm $m/again; echo y >$m/root-note; rm -f $m/data2/a')
      return seen('web')
    }
    const run = (killAt: number) =>
      spawnSync(
        process.execPath,
        [
          '--import',
          inRepository('test/cli/kill_at.ts'),
          inRepository('core/main.ts'),
          'snapshots',
          'web',
          ...words,
        ],
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
    const restore = () => {
      for (const { name } of snapshots('web')) {
        if (name !== 'first') must('snapshots', 'web', '--delete', name)
      }
      if (snapshots('web').length > 0) return
      must('snapshots', 'web', '--create', 'first')
    }
    prepare()
    const counted = run(0)
    const total = Number(/changes: (\d+)/.exec(counted.stderr)?.[1])
    assert.ok(total > 10 && total < 150, counted.stderr)
    restore()
    let killed = 0
    // Some of them, other ones each time, for each takes some seconds.
    const step = Math.ceil(total / 8)
    for (let at = 1 + process.pid % step; at <= total; at += step) {
      const now = prepare()
      const ran = run(at)
      killed += ran.signal === 'SIGKILL' ? 1 : 0
      const after = seen('web')
      const back = words[0] === '--rollback' && after === first
      assert.ok(after === now || back, `killed at ${at}`)
      // Whatever snapshots there are can be read.
      for (const { name } of snapshots('web')) {
        if (name === 'first' && words[0] !== '--delete') {
          must('clone', `web@${name}`, 'probe')
          if (what === 'going back') assert.is(seen('probe'), first, `killed at ${at}`)
          must('destroy', '--yes', 'probe')
        }
      }
      must('list')
      const hidden = [...readdirSync(lib('guests')), ...layerNames()]
        .filter((name) => name.startsWith('.'))
      assert.equal(hidden, [], `killed at ${at}`)
      const named = [...meta('web').layers, ...snapshots('web').flatMap(({ layers }) => layers)]
      assert.equal(layerNames(), [...new Set(named)].toSorted(), `killed at ${at}`)
      restore()
    }
    assert.ok(killed > total / step * 0.5, `${killed} of ${total} were killed`)
  })
}

test.run()
