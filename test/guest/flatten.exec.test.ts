/**
 * Merged layers show what the layers showed, looked at through overlays in private mount namespaces.
 * VSERVER_TEST_SEED and VSERVER_TEST_ROUNDS say which histories, and how many.
 * @limit 600 s
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { flattenInto } from '../../core/guest/flatten/flatten.ts'
import { rootAt } from '../../core/host/root.ts'
import { openSession } from '../../core/plan/session.ts'
import { executorPath, inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'

const test = suite('flattenInto()', {
  needs: ['root', 'executor', 'getfattr', 'setfacl'],
  timeoutMs: 300_000,
})

async function openLab({ cleanup }: TestContext) {
  const path = mkdtempSync(join(tmpdir(), 'vserver-flatten-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  const root = rootAt(path)
  const place = (...parts: readonly string[]) => join(root.lib, ...parts)
  for (const directory of ['layers', 'templates/t', 'upper', 'work', 'm']) {
    mkdirSync(place(directory), { recursive: true })
  }
  const session = await openSession(executorPath)
  cleanup(() => session.close())
  const layers: string[] = []
  /** Runs a shell line in which `$m` is an overlay, in a mount namespace of its own. */
  const mounted = (
    { lower, writable }: { lower: readonly string[]; writable: boolean },
    line: string,
  ): string => {
    const dirs = lower.map((name) => place(name)).join(':')
    const options = writable
      ? `lowerdir=${dirs},upperdir=${place('upper')},workdir=${place('work')},` +
        'redirect_dir=on,index=off,metacopy=off'
      : `lowerdir=${dirs},redirect_dir=follow,metacopy=off`
    const script = `m=${place('m')}; mount -t overlay -o '${options}' overlay $m && ${line}`
    return execFileSync('unshare', ['-m', 'bash', '-euc', script], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
  const node = (words: string) =>
    `'${process.execPath}' --no-warnings '${inRepository('test/guest/tree_history.ts')}' ${words}`
  const stack = () => [...layers.map((id) => `layers/${id}`), 'templates/t']
  return {
    place,
    layers,
    node,
    /** Runs a shell line in the guest's tree, and seals what it wrote. */
    write(line: string) {
      mounted({ lower: stack(), writable: true }, line)
      const id = `l${layers.length}`
      execFileSync('mv', [place('upper'), place('layers', id)])
      mkdirSync(place('upper'))
      layers.unshift(id)
    },
    show: (lower: readonly string[]) => mounted({ lower, writable: false }, node('show $m')),
    stack,
    /** Merges some of the layers; gives the name of the new one. */
    async flatten(some: readonly string[], id = 'flat') {
      const directory = place('layers', `.part-x-${id}`)
      mkdirSync(directory)
      const part = { id, directory, tree: place(id), scratch: join(directory, 'scratch') }
      const meta = { layers: some, template: 't' }
      await flattenInto(session, part, { root, meta, signal: undefined })
      return id
    },
  }
}

/** What is easily got wrong, one after the other. */
const histories: Readonly<Record<string, readonly string[]>> = {
  'a whiteout of the template': ['rm $m/dir/file'],
  'a name that was removed and made again': ['rm -r $m/dir', 'mkdir $m/dir; echo x >$m/dir/new'],
  'a name that was made and removed again': ['echo x >$m/x; mkdir $m/y', 'rm $m/x; rmdir $m/y'],
  'a directory in the place of a file': ['rm $m/file; mkdir $m/file', 'touch $m/file/in'],
  'a file in the place of a directory': ['rm -r $m/dir; echo x >$m/dir', 'chmod 600 $m/dir'],
  'a directory of the template that was renamed': ['mv $m/dir $m/new', 'echo x >$m/new/file'],
  'one that was renamed twice': ['mv $m/dir $m/new', 'mv $m/new $m/newer', 'rm $m/newer/file'],
  'one that was renamed and renamed back': ['mv $m/dir $m/new', 'mv $m/new $m/dir'],
  'one that moved into another': ['mkdir $m/in; mv $m/dir $m/in/deep', 'mv $m/in $m/out'],
  'one that moved out of one that was removed': ['mv $m/dir/sub $m/out', 'rm -r $m/dir'],
  'one whose old place was taken': [
    'mv $m/dir $m/new; mkdir $m/dir; echo x >$m/dir/other',
    'mv $m/dir $m/dir2; mkdir $m/dir',
    'mv $m/new/sub $m/dir/sub; touch $m/dir/sub/x',
  ],
  'two that changed their names': [
    'mv $m/dir $m/t; mv $m/two $m/dir; mv $m/t $m/two',
    'rm $m/two/file',
  ],
  'a chain below a directory that was renamed': [
    'mv $m/dir/sub $m/dir/sub2',
    'mv $m/dir $m/new',
    'mv $m/new/sub2 $m/away; rm $m/away/deep/file',
    'mv $m/away/deep $m/new/deep',
  ],
  'directories’ owners, times, ACLs and xattrs': [
    'chown 3:4 $m/dir; setfacl -d -m u:5:rx $m/dir; setfattr -n user.a -v b $m/dir',
    'chmod 2711 $m/dir; mkdir $m/dir/inherits; touch -d @1.123456789 $m/dir $m',
  ],
  'hard links': [
    'echo x >$m/one; ln $m/one $m/two/one',
    'ln $m/two/one $m/dir/one',
    'chmod 4755 $m/one',
  ],
  'nodes': ['mkfifo $m/p; mknod $m/c c 1 3; mknod $m/b b 7 0; ln -s nowhere $m/l', 'rm $m/l'],
}

const template = 'cd templates/t; mkdir -p dir/sub/deep two; echo 1 >file; echo 2 >dir/file; ' +
  'echo 3 >dir/sub/file; echo 4 >dir/sub/deep/file; echo 5 >two/file; touch -d @1000.5 dir two .'

for (const [what, lines] of Object.entries(histories)) {
  test(`keeps ${what}`, async (context) => {
    const lab = await openLab(context)
    execFileSync('bash', ['-euc', template], { cwd: lab.place() })
    for (const line of lines) lab.write(line)
    const before = lab.show(lab.stack())
    const flat = await lab.flatten(lab.layers)
    assert.fixture(lab.show([flat, 'templates/t']), before)
  })
}

test('keeps what any history of writes and seals shows', async (context) => {
  const seed = Number(process.env['VSERVER_TEST_SEED'] ?? Date.now() % 1e9)
  const rounds = Number(process.env['VSERVER_TEST_ROUNDS'] ?? 3)
  for (let round = 0; round < rounds; round++) {
    const one = seed + round
    const lab = await openLab(context)
    const write = (part: number, count: number) => lab.node(`write $m ${one * 10 + part} ${count}`)
    const made = lab.node(`write ${lab.place('templates/t')} ${one * 10} 60`)
    execFileSync('bash', ['-euc', made])
    const layers = 3 + one % 4
    for (let part = 1; part <= layers; part++) lab.write(write(part, 25))
    const hint = `VSERVER_TEST_SEED=${one} VSERVER_TEST_ROUNDS=1`
    const before = lab.show(lab.stack())
    const flat = await lab.flatten(lab.layers)
    assert.fixture(lab.show([flat, 'templates/t']), before, hint)
    // What was written over the layers before they were merged reads the same over the one.
    const [top = '', ...below] = lab.layers
    const under = await lab.flatten(below, 'under')
    assert.fixture(lab.show([`layers/${top}`, under, 'templates/t']), before, hint)
    // Merging what was merged.
    rmSync(lab.place('layers', under), { recursive: true, force: true })
    execFileSync('mv', [lab.place(under), lab.place('layers', under)])
    const again = await lab.flatten([top, under], 'again')
    assert.fixture(lab.show([again, 'templates/t']), before, hint)
  }
})

test('links all but directories, and keeps what the file system refuses to link', async (context) => {
  const lab = await openLab(context)
  execFileSync('bash', ['-euc', template], { cwd: lab.place() })
  lab.write('echo x >$m/one; setfattr -n user.a -v b $m/one; ln $m/one $m/two/again; rm $m/file')
  lab.write('truncate -s 1M $m/fixed; echo end >>$m/fixed; touch -d @1.5 $m/fixed')
  const [top = ''] = lab.layers
  const before = lab.show(lab.stack())
  const fixed = lab.place('layers', top, 'fixed')
  execFileSync('chattr', ['+i', fixed])
  context.cleanup(() => execFileSync('chattr', ['-i', fixed]))
  const flat = await lab.flatten(lab.layers)
  assert.fixture(lab.show([flat, 'templates/t']), before)
  const ino = (path: string) => lstatSync(lab.place(path)).ino
  assert.is(ino(`${flat}/one`), ino('layers/l0/one'))
  assert.is(ino(`${flat}/file`), ino('layers/l0/file'), 'whiteouts too')
  assert.not(ino(`${flat}/fixed`) === ino(`layers/${top}/fixed`))
  assert.ok(lstatSync(lab.place(flat, 'fixed')).blocks < 100, 'holes are kept')
  assert.is(lstatSync(lab.place(flat, 'fixed')).nlink, 1)
})

test.run()
