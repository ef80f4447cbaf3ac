/**
 * Files leave the writable layers of stopped guests. What these hold was written by real overlays, and what a
 * guest reads is looked at through real ones.
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { makeTree, program } from '../cli/program.ts'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { random } from './random.ts'

const test = suite('unify of writable layers', {
  needs: ['root', 'executor', 'getfattr', 'setfacl'],
  timeoutMs: 120_000,
})
/** `VSERVER_TEST_KILLS=100` tries as many moments. */
const kills = Number(process.env['VSERVER_TEST_KILLS'] ?? '3')
const it = program()
test.after(() => it.dispose())
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const upper = (name: string, ...parts: readonly string[]) => lib('guests', name, 'upper', ...parts)

interface Meta {
  readonly template: string
  readonly layers: readonly string[]
}
const meta = (name: string): Meta =>
  JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))

/** A line of a shell in which `$m` is an overlay like a guest's root, in a mount namespace of its own. */
function script(name: string, line: string, writable: boolean): string {
  const { layers, template } = meta(name)
  const lower = [...layers.map((id) => lib('layers', id)), lib('templates', template)]
  const guest = lib('guests', name)
  const options = writable
    ? `lowerdir=${lower.join(':')},upperdir=${guest}/upper,workdir=${guest}/work,redirect_dir=on`
    : `lowerdir=${[upper(name), ...lower].join(':')},redirect_dir=follow`
  return `m=$(mktemp -d -p '${it.scratch}') && mount -t overlay -o '${options}' overlay $m && { set -e; ${line}\n}; r=$?; ` +
    'cd /; umount -l $m; rmdir $m; exit $r'
}

function mounted(name: string, line: string, writable = true): string {
  const ran = spawnSync('unshare', ['-m', 'bash', '-c', script(name, line, writable)], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

/** All that can be seen of a guest's tree, but for its host name. */
function seen(name: string): string {
  const line = 'cd $m; ' +
    'find . -not -path ./etc/hostname -type d -printf "%p %y %U:%G %m %T@\\n" | sort | grep -v "^./etc "; ' +
    'find . -not -path ./etc/hostname -not -type d -printf "%p %y %U:%G %m %l %s %T@\\n" | sort; ' +
    'find . -type f -not -path ./etc/hostname -exec sha256sum {} + | sort; ' +
    'getfattr -R -h -d -m "^(user|security|system)" -e hex . 2>/dev/null'
  return mounted(name, line, false)
}

/** What a guest may do to its files, each in a directory of its own. `w` writes a file. */
const deeds: Readonly<Record<string, string>> = {
  plain: 'w n; mkdir new; w new/f',
  opaque: 'rm -r d; mkdir d; w d/n; mkdir d/sub; w d/sub/n',
  whiteout: 'rm d/a; w d/n',
  emptied: 'rm d/a; rm -r d/sub; mkdir d/sub; w d/sub/n',
  relative: 'mv d e; w e/n; w n',
  absolute: 'mkdir y; mv d/sub y/e; w y/e/n; w y/n; w d/n',
  nested: 'mv d/sub s; mv d e; w e/n; w s/n; w n',
  inner: 'mv d e; mv e/sub e/sub2; w e/n; w e/sub2/n',
  replaced: 'mv d e; mkdir d; w d/n; mkdir d/sub; w d/sub/n',
  into: 'rm -r o; mkdir o; mv d o/d; w o/n; w o/d/n',
  'file-there': 'mv d e; w d; w n',
  'file-above': 'mv d/sub c; rm -r d; w d; w n',
  'dir-above': 'mv d/sub c; rm -r d; mkdir d; w d/n; mkdir d/sub; w d/sub/n',
  swapped: 'mv d t; mv o d; mv t o; w d/n; w o/n',
  links: 'w f; ln f g; mv d e; w h; ln h e/h; ln f o/f',
  attributes: 'mkdir n; w n/f; setfattr -n user.x -v y n; setfacl -m u:7:rx,d:u:8:rwx n; ' +
    'w n/g; setfattr -n user.z -v 1 n/g; chmod 2771 n; setfattr -n user.d -v d d; w d/n',
  copied: 'chown 3:4 d/a; touch -d @1000 d/sub/c; chmod 4755 d/sub/c; chmod 700 d',
  deep: 'mkdir -p p/q/r/s; w p/q/r/s/f; mkfifo p/q/f; ln -s x p/l',
}

const tree = makeTree(join(it.scratch, 'tree'))
mkdirSync(join(tree, 'etc'))
for (const name of Object.keys(deeds)) {
  for (const directory of ['d', 'd/sub', 'o']) {
    mkdirSync(join(tree, name, directory), { recursive: true })
  }
  for (const file of ['d/a', 'd/b', 'd/sub/c', 'o/x']) {
    writeFileSync(join(tree, name, file), `${name} ${file}`)
  }
}

const writes = (name: string) =>
  `w() { echo "$here $1" > $1; touch -d @1000 $1; }; ` +
  Object.entries(deeds).map(([here, deed]) => `here=${here}; cd $m/${here}; ${deed}`).join('; ') +
  `; cd $m; echo ${name} > own`

function makeGuest(name: string): void {
  const ran = it.run('create', name, '--from', `dir:${tree}`)
  if (ran.code !== 0) throw new Error(ran.stderr)
  mounted(name, writes(name))
}

function unify(...words: readonly string[]): { linked: number; failures: readonly unknown[] } {
  const ran = it.run('unify', '--json', ...words)
  if (ran.code !== 0) throw new Error(ran.stderr)
  return JSON.parse(ran.stdout)
}

/** In guests' sight: files of their own that are links to an object. */
function shared(name: string): readonly string[] {
  const [layer = ''] = meta(name).layers
  const ran = spawnSync('find', ['.', '-type', 'f', '-links', '+1', '-printf', '%P\n'], {
    cwd: lib('layers', layer),
    encoding: 'utf8',
  })
  return ran.stdout.split('\n').filter((line) => line !== '').sort()
}

test('guests read the same before and after, whatever they did to their directories', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b'))
  makeGuest('a')
  makeGuest('b')
  const before = [seen('a'), seen('b')]
  assert.is(unify('--dry-run').failures.length, 0)
  assert.equal(meta('a').layers, [])
  const upperBefore = lstatSync(upper('a'), { bigint: true }).mtimeNs
  assert.equal(unify().failures, [])
  assert.is(lstatSync(upper('a'), { bigint: true }).mtimeNs, upperBefore)
  assert.is(seen('a'), before[0])
  assert.is(seen('b'), before[1])
  assert.not(existsSync(lib('guests/a/move.json')))
  const files = shared('a')
  assert.equal(shared('b'), files)
  for (
    const path of [
      ...[
        'plain/n',
        'plain/new/f',
        'opaque/d/n',
        'opaque/d/sub/n',
        'whiteout/d/n',
        'emptied/d/sub/n',
      ],
      ...[
        'relative/n',
        'absolute/y/n',
        'absolute/d/n',
        'attributes/n/f',
        'links/f',
        'links/g',
        'links/o/f',
      ],
      ...['attributes/n/g', 'deep/p/q/r/s/f', 'copied/d/sub/c'],
    ]
  ) {
    assert.ok(files.includes(path), path)
    assert.not(existsSync(upper('a', path)), path)
    assert.is(
      statSync(lib('layers', meta('a').layers[0] ?? '', path)).ino,
      statSync(lib('layers', meta('b').layers[0] ?? '', path)).ino,
      path,
    )
  }
  // What would be hidden, or would show elsewhere, stays.
  for (
    const path of [
      ...[
        'relative/e/n',
        'absolute/y/e/n',
        'replaced/d/n',
        'file-there/d',
        'file-above/d',
        'links/h',
      ],
      ...['into/o/d/n', 'swapped/d/n', 'own'],
    ]
  ) assert.ok(existsSync(upper('a', path)), path)

  assert.is(unify().linked, 0)
  assert.is(meta('a').layers.length, 1, 'nothing more is taken out')

  // What either of them writes is its own.
  mounted(
    'a',
    `cd $m; for f in ${files.join(' ')} own; do echo changed >> $f; done; chown 9 ${files[0]}`,
  )
  assert.is(seen('b'), before[1])
  mounted('b', `cd $m; rm -r */d */o; mkdir opaque/d; echo x > opaque/d/n`)
  assert.match(mounted('a', 'cat $m/opaque/d/n', false), /^opaque d\/n\nchanged\n$/)
  const again = [seen('a'), seen('b')]
  assert.equal(unify().failures, [])
  assert.equal([seen('a'), seen('b')], again)
})

test('what somebody still has open stays where it is', async ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b'))
  for (const name of ['a', 'b']) {
    it.run('create', name, '--from', `dir:${tree}`)
    mounted(name, 'echo same > $m/f; touch -d @1 $m/f $m/plain')
  }
  const line = 'exec 3<$m/plain/d/a; umount -l $m; echo ready; exec sleep 60'
  const child = spawn('unshare', ['-m', 'bash', '-c', script('a', line, true)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  assert.is(unify().linked, 0)
  assert.equal(meta('a').layers, [])
  assert.is(lstatSync(upper('a/f'.slice(0, 1), 'f')).nlink, 1)
  child.kill('SIGKILL')
  await ended
  assert.ok(unify().linked > 0)
  assert.not(existsSync(upper('a', 'f')))
})

test('a directory that nothing can be taken out of keeps what it has', ({ cleanup }) => {
  cleanup(() => {
    spawnSync('chattr', ['-i', upper('a', 'held'), upper('b', 'held')])
    it.run('destroy', '--yes', 'a', 'b')
  })
  for (const name of ['a', 'b']) {
    it.run('create', name, '--from', `dir:${tree}`)
    mounted(
      name,
      'mkdir $m/held; echo 1 > $m/held/f; echo 2 > $m/g; ln $m/held/f $m/h; touch -d @1 $m/held/f $m/g',
    )
    spawnSync('chattr', ['+i', upper(name, 'held')])
  }
  const before = [seen('a'), seen('b')]
  for (let i = 0; i < 2; i++) {
    assert.equal(unify().failures, [])
    assert.equal([seen('a'), seen('b')], before)
    assert.is(meta('a').layers.length, 1)
  }
  assert.ok(existsSync(upper('a', 'h')))
  assert.not(existsSync(upper('a', 'g')))
})

test('a move that is killed at any moment leaves guests reading the same', async ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b'))
  makeGuest('a')
  makeGuest('b')
  assert.equal(unify('--dry-run').failures, [])
  const before = [seen('a'), seen('b')]
  const kept = join(it.scratch, 'kept')
  spawnSync('cp', ['-a', lib(), kept])
  const hook = inRepository('test/cli/kill_at.ts')
  const start = (at: number) =>
    spawnSync(process.execPath, ['--import', hook, inRepository('core/main.ts'), 'unify'], {
      env: {
        ...process.env,
        VSERVER_EXECUTOR: executorPath,
        VSERVER_ROOT: it.root,
        VSERVER_TEST_KILL_AT: String(at),
      },
      encoding: 'utf8',
    })
  const counted = start(0)
  const changes = Number(/changes: (\d+)/.exec(counted.stderr)?.[1])
  assert.ok(changes > 30, counted.stderr)
  const r = random(Number(process.env['VSERVER_TEST_SEED'] ?? '4'))
  for (let i = 0; i < kills; i++) {
    const at = 5 + r.below(changes - 5)
    spawnSync('rm', ['-rf', lib()])
    spawnSync('cp', ['-a', kept, lib()])
    const ran = start(at)
    assert.is(ran.signal, 'SIGKILL', `${at}: ${ran.stderr}`)
    // Directories get their times back when the guest is next looked at.
    const untimed = (text: string) => text.replace(/^(\S+ d .*) \S+$/gm, '$1')
    assert.is(untimed(seen('a')), untimed(before[0] ?? ''), `after change ${at} of ${changes}`)
    assert.equal(unify().failures, [])
    assert.is(seen('a'), before[0], `after change ${at} of ${changes}`)
    assert.is(seen('b'), before[1], `after change ${at} of ${changes}`)
    assert.equal(unify().linked, 0)
    assert.equal(readdirSync(lib('layers')).filter((name) => name.startsWith('.')), [])
  }
}, { timeoutMs: 60_000 + kills * 5000 })

test.run()
