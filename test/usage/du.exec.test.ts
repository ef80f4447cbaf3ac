/**
 * What `du` says, compared with what the file system says. @limit 240 s
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeTree, program } from '../cli/program.ts'
import { suite } from '../support/suite.ts'

const test = suite('vserver du', {
  needs: ['root', 'losetup', 'mkfs.ext4'],
  timeoutMs: 200_000,
})

interface Amount {
  readonly bytes: number
  readonly inodes: number
}
interface Usage {
  readonly guests: readonly {
    readonly name: string
    readonly apparent: Amount
    readonly exclusive: Amount
    readonly shared: Amount
    readonly share: Amount
  }[]
  readonly others: readonly ({ readonly kind: string; readonly name: string | null } & Amount)[]
  readonly total: Amount
  readonly unreadable: number
}

const it = program()
const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
const upper = (name: string, ...parts: readonly string[]) => lib('guests', name, 'upper', ...parts)

function shell(line: string): string {
  const ran = spawnSync('sh', ['-euc', line], { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

function vserver(...words: readonly string[]): string {
  const ran = it.run(...words)
  assert.is(ran.code, 0, ran.stderr)
  return ran.stdout
}

/** Looks when nothing waits to be written: how much space that will take is not known before. */
function du(...names: readonly string[]): Usage {
  shell(`sync -f ${it.root}`)
  return JSON.parse(vserver('du', '--json', ...names))
}

/** Runs a line in an overlay like a guest's root, in a mount namespace of its own. */
function inside(name: string, line: string): string {
  const { layers, template } = JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))
  const lower = [...layers.map((id: string) => lib('layers', id)), lib('templates', template)]
  const guest = lib('guests', name)
  const options = `lowerdir=${lower.join(':')},upperdir=${guest}/upper,workdir=${guest}/work`
  const script = `m=$(mktemp -d); mount -t overlay -o ${options},redirect_dir=on overlay $m
    r=0; (cd $m; ${line}) || r=$?; umount $m; rmdir $m; exit $r`
  const ran = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`)
  return ran.stdout
}

/** What the guest's own du says. */
function seenBy(name: string): Amount {
  const bytes = Number(inside(name, 'du -sx -B1 .').split('\t')[0])
  return { bytes, inodes: Number(inside(name, 'du -sx --inodes .').split('\t')[0]) }
}

function free(): Amount {
  shell(`sync -f ${it.root}`)
  const { bfree, bsize, ffree } = statfsSync(it.root)
  return { bytes: bfree * bsize, inodes: ffree }
}

const freed = (before: Amount, after: Amount): Amount => ({
  bytes: after.bytes - before.bytes,
  inodes: after.inodes - before.inodes,
})

function sumOf({ guests, others }: Usage): Amount {
  const all = [...guests.flatMap(({ exclusive, share }) => [exclusive, share]), ...others]
  return {
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    inodes: all.reduce((sum, { inodes }) => sum + inodes, 0),
  }
}

const tree = makeTree(join(it.scratch, 'tree'))
for (const directory of ['lib', 'gone', 'moved/deep', 'etc']) {
  mkdirSync(join(tree, directory), { recursive: true })
}
for (let i = 0; i < 40; i++) writeFileSync(join(tree, 'lib', `l${i}`), `${i}`.repeat(3000))
writeFileSync(join(tree, 'gone/file'), 'x'.repeat(9000))
writeFileSync(join(tree, 'moved/deep/file'), 'y'.repeat(20_000))
linkSync(join(tree, 'lib/l0'), join(tree, 'lib/again'))
const other = makeTree(join(it.scratch, 'other'))
mkdirSync(join(other, 'lib'))
shell(`cp -a ${tree}/lib/l1 ${tree}/lib/l2 ${other}/lib`)

test.before(() => {
  mkdirSync(it.root)
  const image = join(it.scratch, 'disk.img')
  shell(
    `truncate -s 64M ${image}; mkfs.ext4 -q -m 0 -b 4096 ${image}; mount -o loop ${image} ${it.root}`,
  )
})
test.after(() => {
  it.run('destroy', '--all', '--yes')
  shell(`umount ${it.root}`)
  it.dispose()
})

/** The same file in several guests, so that it can be one. */
function writeAlike(names: readonly string[], file: string, text: string): void {
  for (const name of names) {
    writeFileSync(upper(name, file), text)
    utimesSync(upper(name, file), 1_700_000_000, 1_700_000_000)
  }
}

test('shows guests what they see, and all together what df says, before and after unify', () => {
  vserver('create', 'a', '--from', `dir:${tree}`)
  vserver('create', 'b', '--from', `dir:${tree}`)
  vserver('create', 'gone', '--from', `dir:${other}`)
  inside('a', 'rm -r gone; mv moved lib/here; rm lib/l3; echo new >lib/l4; ln lib/l5 lib/l5b')
  inside('a', 'rm -r etc; mkdir etc; echo x >etc/own')
  vserver('clone', 'a', 'c')
  inside('c', 'mv lib/here top; rm lib/l6; mkdir gone; echo y >gone/new; rm lib/again')
  vserver('clone', 'c', 'd')
  inside('d', 'mv top again; mv lib library; echo z >>library/l7')
  writeAlike(['a', 'b'], 'big', 'b'.repeat(300_000))
  writeAlike(['a', 'b', 'd'], 'small', 's'.repeat(5000))
  vserver('destroy', '--yes', 'gone')
  for (const unified of [false, true]) {
    if (unified) vserver('unify')
    const usage = du()
    const inStateDirectory = Number(shell(`du -s -B1 ${lib()}`).split('\t')[0])
    assert.is(usage.unreadable, 0)
    assert.equal(usage.guests.map(({ name }) => name), ['a', 'b', 'c', 'd'])
    for (const { name, apparent } of usage.guests) assert.equal(apparent, seenBy(name), name)
    assert.equal(sumOf(usage), usage.total)
    const kinds = usage.others.map(({ kind }) => kind)
    assert.equal(kinds, unified ? ['template', 'store', 'other'] : ['template', 'other'])
    assert.is(usage.total.bytes, inStateDirectory)
  }
  const { guests } = du('b', 'a')
  assert.equal(guests.map(({ name }) => name), ['a', 'b'])
  const [a, b] = guests
  assert.ok((a?.exclusive.bytes ?? 0) < 100_000, 'the big file is shared')
  assert.ok((a?.shared.bytes ?? 0) > 300_000)
  assert.ok((b?.share.bytes ?? 0) > 150_000)
})

test('foretells what destroy frees, one guest after the other', () => {
  let usage = du()
  for (const name of ['b', 'd', 'c', 'a']) {
    const before = free()
    const { exclusive } = usage.guests.find((guest) => guest.name === name) ?? {}
    vserver('destroy', '--yes', name)
    const { bytes, inodes } = freed(before, free())
    // The index may grow or shrink by what it holds.
    const index = 512 * 256
    assert.ok(Math.abs(bytes - (exclusive?.bytes ?? 0)) <= index, `${name}: ${bytes}`)
    assert.ok(Math.abs(inodes - (exclusive?.inodes ?? 0)) <= 3, `${name}: ${inodes}`)
    usage = du()
    assert.equal(sumOf(usage), usage.total)
    assert.equal(usage.others.filter(({ kind }) => kind === 'garbage'), [])
  }
  assert.equal(readdirSync(lib('layers')), [])
})

test('shows what nothing uses, and in all to the block what removing everything frees', () => {
  vserver('create', 'a', '--from', `dir:${tree}`)
  mkdirSync(lib('layers/lost'))
  writeFileSync(lib('layers/lost/file'), 'f'.repeat(5000))
  mkdirSync(lib('store/00'), { recursive: true, mode: 0o700 })
  writeFileSync(lib('store/00/garbage'), 'g'.repeat(7000))
  appendFileSync(lib('guests/a/console.log'), 'booted\n')
  const usage = du()
  const bytesOf = (kind: string) => usage.others.find((one) => one.kind === kind)?.bytes
  assert.is(bytesOf('garbage'), 8192)
  assert.is(bytesOf('layer'), 8192 + 4096)
  assert.equal(sumOf(usage), usage.total)
  const text = vserver('du')
  assert.match(text, /^unused layer lost +0\.0$/m)
  assert.match(text, /^objects of the store that nothing uses +0\.0$/m)
  const before = free()
  shell(`rm -r ${lib()}`)
  assert.equal(freed(before, free()), usage.total)
})

test('knows no other guests', () => {
  const ran = it.run('du', 'nobody')
  assert.is(ran.code, 4)
  assert.match(ran.stderr, /Cannot measure "nobody": there is no such guest/)
  assert.is(existsSync(lib('guests/nobody')), false)
})

test.run()
