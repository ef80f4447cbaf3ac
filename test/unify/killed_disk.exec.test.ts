/**
 * `vserver unify` is killed again and again on a disk of its own: the file system is sound, all guests read
 * the same, and the next run ends what was begun.
 *
 * `VSERVER_TEST_KILLS=200` tries as many moments; `VSERVER_TEST_SEED` gives others. @limit 3600 s
 *
 * @module
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { makeTree } from '../cli/program.ts'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { type Disk, openDisk } from './disk.ts'
import { random } from './random.ts'
import { assertView, stackOf, type View, viewOf } from './view.ts'

const kills = Number(process.env['VSERVER_TEST_KILLS'] ?? '4')
const seed = Number(process.env['VSERVER_TEST_SEED'] ?? '11')
const test = suite('unify that is killed on a disk of its own', {
  needs: ['root', 'executor', 'losetup', 'mkfs.ext4', 'e2fsck', 'getfattr', 'setfacl', 'unshare'],
  timeoutMs: 100_000 + kills * 30_000,
})
const names = ['a', 'b', 'c']

/** What the guests have of each: written by a real overlay, with directories of all kinds. */
const deeds = `
  w() { for f in 1 2 3; do echo "\${1##*/} $f" > $1/$f; done; touch -d @1000 $1/*; touch -d @2000.25 $1; }
  for d in {1..12}; do mkdir $m/new$d; w $m/new$d; done
  rm -r $m/opaque; mkdir $m/opaque; w $m/opaque
  mv $m/moved $m/there; w $m/there
  rm $m/plain/1; w $m/plain
  ln $m/new1/1 $m/new2/link; ln $m/there/1 $m/there/link
  setfacl -m u:7:rx,d:u:8:rwx $m/new3; setfattr -n user.x -v y $m/new3/1
  chmod 4755 $m/new4/1; ln -s 1 $m/new5/symlink; mkfifo $m/new5/pipe
`

interface Guests {
  readonly lib: string
  readonly root: string
}

/** Guests that share much, two of them by what they wrote, on a disk that is full of their templates. */
function makeGuests(disk: Disk): Guests {
  const root = join(disk.path, 'root')
  const lib = join(root, 'var/lib/vserver')
  for (const tree of ['x', 'y']) {
    const path = makeTree(join(disk.path, tree))
    for (const name of ['plain', 'opaque', 'moved', 'more']) mkdirSync(join(path, name))
    disk.sh(`cd "${path}"
      for d in plain opaque moved more; do for f in {1..20}; do echo $d $f > $d/$f; done; done
      touch -d @1000 */*; touch -d @3000.5 plain opaque moved more`)
  }
  for (const name of names) {
    const from = join(disk.path, name === 'c' ? 'y' : 'x')
    vserver(root, 'create', name, '--from', `dir:${from}`)
    if (name !== 'c') write(lib, name)
  }
  return { lib, root }
}

function write(lib: string, name: string): void {
  const guest = join(lib, 'guests', name)
  const lower = join(lib, 'templates', stackOf(lib, name).template)
  const options = `lowerdir=${lower},upperdir=${guest}/upper,workdir=${guest}/work,redirect_dir=on`
  const line = `m=$(mktemp -d); mount -t overlay -o '${options}' overlay $m; ${deeds}
    umount $m; rmdir $m`
  const ran = spawnSync('unshare', ['-m', 'bash', '-euc', line], { encoding: 'utf8' })
  assert.is(ran.status, 0, ran.stderr)
}

const environment = (root: string, killAt = '') => ({
  ...process.env,
  VSERVER_EXECUTOR: executorPath,
  VSERVER_ROOT: root,
  VSERVER_TEST_KILL_AT: killAt,
})
const main = inRepository('core/main.ts')
const hook = inRepository('test/cli/kill_at.ts')

function vserver(root: string, ...words: readonly string[]): string {
  const ran = spawnSync(process.execPath, [main, ...words], {
    env: environment(root),
    encoding: 'utf8',
  })
  assert.is(ran.status, 0, `${words.join(' ')}: ${ran.stderr}`)
  return ran.stdout
}

/** Kills the appliance before one of its changes; its executor ends what it was given. */
function killBefore(root: string, change: number) {
  return spawnSync(process.execPath, ['--import', hook, main, 'unify'], {
    env: environment(root, String(change)),
    encoding: 'utf8',
  })
}

/** Kills the appliance and its executor in one moment, so long after it has begun. */
async function killAfter(root: string, ms: number | undefined): Promise<number> {
  const words = ['--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', process.execPath, main]
  const child = spawn('unshare', [...words, 'unify'], {
    env: environment(root),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  await once(child.stderr.resume(), 'data')
  const begun = performance.now()
  if (ms !== undefined) {
    await setTimeout(ms)
    child.kill('SIGKILL')
  }
  // All that hold the pipe are gone then.
  await ended
  return performance.now() - begun
}

/** The file system is sound, though nothing has repaired it. */
async function check(disk: Disk, message: string): Promise<void> {
  disk.unmount()
  // Namespaces of what was killed let go of the disk a little later.
  for (let tries = 0; disk.sh('losetup -j "$image"') !== ''; tries++) {
    assert.ok(tries < 500, `${message}: the disk is still in use`)
    await setTimeout(20)
  }
  const said = disk.sh('e2fsck -f -n "$image" 2>&1 || echo "code $?"')
  assert.not.match(said, /code|UNEXPECTED|Fix\?|Clear\?/, `${message}: ${said}`)
}

/** Directories get their times back when the next command looks at a guest. */
const untimed = (view: View): View =>
  view.map((line) => line.replace(/^(.* d[-rwxsStT]{9} \S+) \S+$/, '$1'))

function assertConverges({ lib, root }: Guests, before: readonly View[], message: string): void {
  const views = () => names.map((name) => viewOf(lib, name))
  views().forEach((view, i) => assertView(untimed(view), untimed(before[i] ?? []), message))
  const first = JSON.parse(vserver(root, 'unify', '--json'))
  assert.equal(first.failures, [], message)
  views().forEach((view, i) => assertView(view, before[i] ?? [], `${message}, and unified`))
  assert.is(JSON.parse(vserver(root, 'unify', '--json')).linked, 0, message)
  vserver(root, 'unify', '--verify', '--quiet')
  assert.equal(readdirSync(join(lib, 'store')).filter((name) => name.startsWith('.')), [], message)
  assert.equal(readdirSync(join(lib, 'layers')).filter((name) => name.startsWith('.')), [], message)
  for (const name of names) assert.not(existsSync(join(lib, 'guests', name, 'move.json')), message)
  const files = spawnSync(
    'sh',
    ['-c', 'find templates layers guests -path "*/new*/?" -printf "%i\\n" | sort -u | wc -l'],
    { cwd: lib, encoding: 'utf8' },
  )
  assert.is(Number(files.stdout), 36, `${message}: two guests have one of each`)
}

async function prepare(context: TestContext) {
  const disk = openDisk(context, { mib: 64, make: 'mkfs.ext4 -q -F -N 8000' })
  const guests = makeGuests(disk)
  const before = names.map((name) => viewOf(guests.lib, name))
  await check(disk, 'before')
  disk.sh('cp --sparse=always "$image" "$image.base"')
  const fresh = () => {
    disk.sh('cp --sparse=always "$image.base" "$image"')
    disk.mount()
  }
  return { disk, guests, before, fresh }
}

test(`${kills} times`, async (context) => {
  const { disk, guests, before, fresh } = await prepare(context)
  fresh()
  const changes = Number(/changes: (\d+)/.exec(killBefore(guests.root, 0).stderr)?.[1])
  assert.ok(changes > 30, 'it changes something')
  assertConverges(guests, before, 'not killed')
  await check(disk, 'not killed')
  fresh()
  const wholeMs = await killAfter(guests.root, undefined)
  await check(disk, 'not killed either')
  const r = random(seed)
  for (let i = 0; i < kills; i++) {
    fresh()
    let message: string
    if (i % 2 === 0) {
      const at = 1 + r.below(changes)
      message = `seed ${seed}, round ${i}: killed before change ${at} of ${changes}`
      assert.is(killBefore(guests.root, at).signal, 'SIGKILL', message)
    } else {
      const ms = r.below(Math.ceil(wholeMs))
      message = `seed ${seed}, round ${i}: killed ${ms} ms after it began, of ${wholeMs | 0}`
      await killAfter(guests.root, ms)
    }
    await check(disk, message)
    disk.mount()
    assertConverges(guests, before, message)
    await check(disk, `${message}, and unified`)
  }
})

test.run()
