import { createHash } from 'node:crypto'
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { compareFiles } from '../../core/unify/compare.ts'
import { digestFiles } from '../../core/unify/digest.ts'
import { isWorthwhile } from '../../core/unify/freeze.ts'
import { gatherTrees } from '../../core/unify/gather.ts'
import { makeLane } from '../../core/unify/lanes.ts'
import { findEqual, type Known } from '../../core/unify/match.ts'
import { basicKey } from '../../core/unify/meta_key.ts'
import { splitCompared } from '../../core/unify/same_bytes.ts'
import type { FileTable } from '../../core/unify/table.ts'
import type { Tree } from '../../core/unify/tree.ts'
import { suite } from '../support/suite.ts'
import { type Lab, openLab } from './lab.ts'

const test = suite('findEqual()', { needs: ['executor', 'root'], timeoutMs: 60_000 })

const terms = { ignoreTimes: true }

async function gather(lab: Lab, trees: readonly Tree[]): Promise<FileTable> {
  const { signal } = new AbortController()
  const lanes = [makeLane(lab.session)]
  return (await gatherTrees(lanes, trees, { signal, progress: () => undefined })).files
}

/** Equal files of a table, as names of trees and files. */
async function equalNames(
  lab: Lab,
  files: FileTable,
  knownOfSize?: (size: number) => readonly Known[],
) {
  const lane = makeLane(lab.session)
  const equal = await findEqual([lane], {
    ...{ files, ...terms, knownOfSize },
    progress: () => undefined,
  })
  await lane.close()
  const named = equal.map((group) => group.files.map((file) => files.pathOf(file)).sort().join())
  return { equal, named: named.sort() }
}

test('groups what has the same size, metadata and content, and reads nothing else', async (context) => {
  const lab = await openLab(context)
  const tree = lab.tree('t')
  const write = (name: string, content: string | Buffer) =>
    writeFileSync(lab.at('t', name), content)
  for (const name of ['a', 'b', 'gone', 'grown', 'link', 'other']) write(name, 'same')
  write('c', 'else')
  lab.sh('chmod 600 t/other')
  for (const name of ['e', 'f']) write(name, '')
  const big = Buffer.alloc(3 << 20, 1)
  write('big1', big)
  write('big2', big)
  big[1_500_000] = 2
  write('big3', big)
  write('alone', 'xx')
  const files = await gather(lab, [tree])
  for (const name of ['gone', 'link']) rmSync(lab.at('t', name))
  write('grown', 'same and more')
  symlinkSync('a', lab.at('t', 'link'))
  const old = (name: string, digest: Uint8Array | null): Known => ({
    row: {
      ...{ ino: 99, size: 4, blocks: 8, mtimeSec: 0, mtimeNsec: 0, digest, object: null },
      meta: basicKey({ mode: 0o100644, uid: 0, gid: 0, mtimeSec: 0, mtimeNsec: 0 }, terms),
    },
    ...{ member: { root: lab.at('t'), path: name, careful: false }, names: [], cached: 0 },
  })
  const known = [old('a', null), old('a', new Uint8Array(32)), old('c', null)]
  const { equal, named } = await equalNames(lab, files, (size) => (size === 4 ? known : []))
  assert.equal(named, ['a,b', 'big1,big2', 'c', 'e,f'])
  // What was something else is not read again.
  const rows = equal.map((group) => group.known.map(({ member }) => member.path).join())
  assert.equal(rows.filter((row) => row !== '').sort(), ['a', 'c'])
})

test('compares no further than needed, also what is read in parts', async (context) => {
  const lab = await openLab(context)
  const tree = lab.tree('t')
  // Longer than a slice, and different in its last byte, in the second slice, and in the first.
  lab.sh(`
    head -c 70000000 /dev/zero > t/a; cp t/a t/b; cp t/a t/c; cp t/a t/d; cp t/a t/e
    printf x | dd of=t/c bs=1 seek=69999999 conv=notrunc status=none
    printf x | dd of=t/d bs=1 seek=68000000 conv=notrunc status=none; cp t/d t/f
    printf x | dd of=t/e bs=1 seek=5 conv=notrunc status=none
  `)
  const { named } = await equalNames(lab, await gather(lab, [tree]))
  assert.equal(named, ['a,b', 'd,f'])
})

test('tells apart more files than can be open at once', async (context) => {
  const lab = await openLab(context)
  const tree = lab.tree('t')
  for (let i = 0; i < 700; i++) writeFileSync(lab.at('t', String(i)), `${i % 7}`)
  lab.sh('chattr +i t/0; setfattr -n user.x -v 1 t/1')
  context.cleanup(() => lab.sh('chattr -i t/0'))
  const { equal } = await equalNames(lab, await gather(lab, [tree]))
  assert.equal(equal.map(({ files }) => files.length).sort(), [100, 100, 100, 100, 100, 99, 99])
})

test('what is only in one writable tree is left there', async (context) => {
  const lab = await openLab(context)
  const [one, two] = ['one', 'two'].map((name): Tree => ({ ...lab.tree(name), writable: true }))
  if (one === undefined || two === undefined) throw new Error('no trees')
  lab.sh('echo x > one/a; echo x > one/b; echo yy > one/c; echo yy > two/c')
  const files = await gather(lab, [one, two])
  const { equal } = await equalNames(lab, files)
  const found = equal.map((group) => [
    group.files.map((file) => files.pathOf(file)).sort().join(),
    isWorthwhile(files, group),
  ])
  assert.equal(found, [['a,b', false], ['c,c', true]])
})

test('what is written to after it was compared brings nothing else with it', async (context) => {
  const lab = await openLab(context)
  const writable: Tree = { ...lab.tree('w'), writable: true }
  lab.sh('echo one > w/a; echo one > w/b; mkdir t; echo two > t/k')
  const files = await gather(lab, [writable])
  const lane = makeLane(lab.session)
  const size = 4
  const members = [0, 1].map((file) => ({
    ...{ root: writable.path, path: files.pathOf(file), careful: true },
  }))
  const compared = await compareFiles(lane, [{ size, members }])
  // Somebody held it open.
  writeFileSync(lab.at('w', files.pathOf(0)), 'two\n')
  const { ino, blocks } = statSync(lab.at('t/k'))
  const meta = basicKey(files.basicMeta(0), terms)
  const known: Known = {
    row: { ino, size, blocks, meta, mtimeSec: 0, mtimeNsec: 0, digest: null, object: null },
    ...{ member: { root: lab.at('t'), path: 'k', careful: false }, names: [], cached: 0 },
  }
  const piece = [{ index: 0, files: [0, 1], known: [known], size }]
  for (const digested of [true, false]) {
    const found = compared.map((group) =>
      group.map((one) => ({ ...one, digest: digested ? one.digest : undefined }))
    )
    const [equal = []] = await splitCompared(lane, { piece, compared: found }, { files, ...terms })
    const content = createHash('sha256').update('two\n').digest()
    for (const one of equal) {
      const same = Buffer.compare(one.content, content) === 0
      assert.is(one.known.length, same ? 1 : 0)
    }
  }
  await lane.close()
})

test('tables give every file with all its names, however many there are', async (context) => {
  const lab = await openLab(context)
  const tree = lab.tree('t')
  lab.sh(`
    mkdir t/d; for i in $(seq 3000); do echo $i > t/d/f$i; done
    for i in $(seq 0 100 2900); do ln t/d/f$((i + 1)) t/l$i; ln t/d/f$((i + 1)) t/d/m$i; done
  `)
  const files = await gather(lab, [tree])
  assert.is(files.count, 3000)
  for (let file = 0; file < files.count; file++) {
    const node = files.node(file)
    for (const { directory, name } of node.names) {
      const { ino, nlink, size } = statSync(lab.at('t', directory, name))
      assert.equal([node.ino, node.names.length, node.size], [ino, nlink, size])
    }
    assert.is(files.ofIno(node.ino), file)
  }
})

test('many files in many directories with long names, all of one size', async (context) => {
  const lab = await openLab(context)
  const tree = lab.tree('t')
  // Far more than an answer of the executor holds, or arguments that a function takes.
  lab.sh(`
    perl -e 'for $d (0..39) { mkdir "t/$d"; for $i (0..3499) {
      open F, ">", sprintf("t/%d/%s%04d", $d, "n" x 200, $i); print F $d, "x" x (2 - length $d) } }'
  `)
  const files = await gather(lab, [tree])
  assert.is(files.count, 140_000)
  const { equal } = await equalNames(lab, files)
  assert.equal(equal.map((group) => group.files.length), new Array(40).fill(3500))
})

test('digestFiles() gives digests in order, in threads as well', async (context) => {
  const lab = await openLab(context)
  const files = Array.from({ length: 600 }, (_, i) => {
    writeFileSync(lab.at(String(i)), String(i % 7))
    return { path: lab.at(String(i)), size: 1 }
  })
  const digests = await digestFiles([...files, { path: lab.at('no'), size: 1 }])
  const few = await digestFiles(files.slice(0, 7))
  files.forEach((_, i) => assert.equal(digests[i], few[i % 7]))
  assert.is(digests[600], 'ENOENT')
  symlinkSync('0', lab.at('link'))
  const careful = [...files, { path: lab.at('link'), size: 1 }, { path: '/dev/null', size: 0 }]
    .map((file, i) => ({ ...file, careful: i % 3 > 0 || i >= 600 }))
  for (const some of [careful, careful.slice(500)]) {
    const found = await digestFiles(some)
    assert.equal(found.slice(-2), ['ESTALE', 'ESTALE'])
    assert.equal(found.slice(0, -2), digests.slice(-some.length + 1, -1))
  }
})

test.run()
