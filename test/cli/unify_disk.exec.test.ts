/**
 * Where `vserver unify` keeps what it shares and knows: a store on each file system, nothing at all for a dry
 * run, and templates that are made again.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { suite, type TestContext } from '../support/suite.ts'
import { makeTree, type Program, program } from './program.ts'

const test = suite('vserver unify on disk', { needs: ['root', 'executor'], timeoutMs: 120_000 })

interface Lab extends Program {
  lib(...parts: readonly string[]): string
  must(...words: readonly string[]): string
  /** A guest from a tree of its own, in which some files are as in all others. */
  guest(name: string): void
  /** The tree of a guest's template. */
  template(name: string): string
}

function openLab({ cleanup }: TestContext): Lab {
  const it = program()
  cleanup(() => it.dispose())
  const lib = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver', ...parts)
  const must = (...words: readonly string[]) => {
    const ran = it.run(...words)
    assert.is(ran.code, 0, `${words.join(' ')}: ${ran.stderr}`)
    return ran.stdout
  }
  const tree = (name: string) => {
    const path = join(it.scratch, name)
    if (existsSync(path)) return path
    makeTree(path)
    mkdirSync(join(path, 'srv'))
    for (let i = 0; i < 5; i++) writeFileSync(join(path, `srv/f${i}`), `f${i} `.repeat(9000))
    writeFileSync(join(path, 'srv/own'), name)
    for (const file of readdirSync(join(path, 'srv'))) utimesSync(join(path, 'srv', file), 1, 1)
    return path
  }
  return {
    ...it,
    lib,
    must,
    guest: (name) => void must('create', name, '--from', `dir:${tree(name)}`),
    template(name) {
      const { template } = JSON.parse(readFileSync(lib('guests', name, 'meta.json'), 'utf8'))
      return lib('templates', template)
    },
  }
}

const inode = (path: string) => lstatSync(path).ino

/** Everything below a directory, with all that changes when something is written. */
const look = (path: string) =>
  execFileSync('find', [path, '-printf', '%p %y %s %T@ %C@ %i %n\n'], { encoding: 'utf8' })

test('a dry run leaves nothing behind, and foresees what will be', (context) => {
  const it = openLab(context)
  it.guest('web')
  it.guest('db')
  const foresee = () => {
    const before = look(it.root)
    const said = JSON.parse(it.must('unify', '--dry-run', '--json'))
    assert.is(look(it.root), before)
    return said
  }
  assert.not(existsSync(it.lib('store')))
  const first = foresee()
  assert.ok(first.saved.inodes >= 5)
  assert.equal(JSON.parse(it.must('unify', '--json')).saved, first.saved)
  // With an index, which knows two of the trees.
  it.guest('mail')
  const second = foresee()
  assert.is(second.trees, 1 + 3)
  assert.equal(JSON.parse(it.must('unify', '--json')).saved, second.saved)
  assert.is(foresee().saved.inodes, 0)
  // With one that cannot be read, and one that a run left which died.
  truncateSync(it.lib('index.sqlite'), 5000)
  assert.is(foresee().saved.inodes, 0)
  writeFileSync(it.lib('index.sqlite-wal'), 'what was not written down yet')
  assert.is(foresee().saved.inodes, 0)
})

test('a dry run makes no state directory, and looks at the version of one', (context) => {
  const it = openLab(context)
  assert.match(it.must('unify', '--dry-run'), /nothing to share\n$/)
  assert.not(existsSync(it.root))
  it.must('unify')
  writeFileSync(it.lib('format'), '2\n')
  assert.match(it.run('unify', '--dry-run').stderr, /knows format 1, and it has 2/)
  writeFileSync(it.lib('format'), '1\n')
})

test('ways that exclude each other are refused', (context) => {
  const it = openLab(context)
  for (const words of [['--dry-run', '--verify'], ['--verify', '--undo', 'web']]) {
    const ran = it.run('unify', ...words)
    assert.is(ran.code, 2)
    assert.match(ran.stderr, /--\S+ and --\S+ exclude each other/)
  }
})

test('a template that is made again is looked at again', (context) => {
  const it = openLab(context)
  it.guest('web')
  it.guest('db')
  it.must('unify')
  const [web, db] = [it.template('web'), it.template('db')]
  assert.is(inode(join(web, 'srv/f1')), inode(join(db, 'srv/f1')))
  const objects = () => readdirSync(it.lib('store'), { recursive: true }).length
  const before = objects()
  rmSync(db, { recursive: true })
  execFileSync('cp', ['-a', join(it.scratch, 'db'), db])
  for (const name of ['dev', 'proc', 'sys', 'etc']) mkdirSync(join(db, name))
  assert.is.not(inode(join(web, 'srv/f1')), inode(join(db, 'srv/f1')))
  assert.ok(JSON.parse(it.must('unify', '--json')).saved.inodes >= 5)
  assert.is(inode(join(web, 'srv/f1')), inode(join(db, 'srv/f1')))
  assert.is(objects(), before)
  // It is that tree from now on, whatever is shared in it.
  assert.match(it.must('unify'), /^looked at [\d,]+ files in 2 new or writable trees: nothing/)
})

interface Usage {
  readonly guests: readonly { readonly exclusive: Amount; readonly share: Amount }[]
  readonly others: readonly (Amount & { readonly kind: string })[]
  readonly total: Amount
}
interface Amount {
  readonly bytes: number
}

const tmpfs = ['-t', 'tmpfs', '-o', 'mode=0700', 'none']

/** Mounts something where templates are, until the test ends or before. */
function mountTemplates({ cleanup }: TestContext, it: Lab, what: readonly string[]) {
  // Makes the state directories, and else nothing.
  it.must('destroy', '--all', '--yes')
  const templates = it.lib('templates')
  execFileSync('mount', [...what, templates])
  let mounted = true
  const umount = () => {
    if (mounted) execFileSync('umount', [templates])
    mounted = false
  }
  cleanup(umount)
  return { templates, umount }
}

const ways: Readonly<Record<string, (it: Lab) => readonly string[]>> = {
  'a file system of their own': () => tmpfs,
  'another mount of the same one': ({ scratch }) => {
    mkdirSync(join(scratch, 'elsewhere'), { mode: 0o700 })
    return ['--bind', join(scratch, 'elsewhere')]
  },
}

for (const [name, way] of Object.entries(ways)) {
  test(`templates on ${name} are shared in a store of theirs`, (context) => {
    const it = openLab(context)
    const { templates } = mountTemplates(context, it, way(it))
    it.guest('web')
    it.guest('db')
    for (const guest of ['web', 'db']) {
      const upper = it.lib('guests', guest, 'upper')
      writeFileSync(join(upper, 'written'), 'in each of them '.repeat(1000))
      utimesSync(join(upper, 'written'), 1, 1)
    }
    const [web, db] = [it.template('web'), it.template('db')]
    const foreseen = JSON.parse(it.must('unify', '--dry-run', '--json'))
    assert.equal(readdirSync(templates).filter((entry) => entry.startsWith('.')), [])
    const done = JSON.parse(it.must('unify', '--json'))
    assert.equal(done.saved, foreseen.saved)
    assert.equal(done.failures, [])
    assert.ok(done.saved.inodes >= 6, JSON.stringify(done))
    assert.is(inode(join(web, 'srv/f1')), inode(join(db, 'srv/f1')))
    // What they wrote is in layers, beside the store that there always is.
    assert.is(readdirSync(it.lib('layers')).length, 2)
    assert.match(it.must('unify'), /in 4 new or writable trees: nothing to share\n$/)

    const { guests, others, total }: Usage = JSON.parse(it.must('du', '--json'))
    assert.is(others.filter(({ kind }) => kind === 'store').length, 2)
    assert.equal(others.filter(({ kind }) => kind === 'leftover'), [])
    const parts = [...others, ...guests.flatMap(({ exclusive, share }) => [exclusive, share])]
    assert.is(parts.reduce((sum, { bytes }) => sum + bytes, 0), total.bytes)

    const { objects } = JSON.parse(it.must('unify', '--verify', '--json'))
    assert.ok(objects >= 6)
    const { mtimeMs } = lstatSync(join(web, 'srv/f2'))
    writeFileSync(join(web, 'srv/f2'), 'F2 '.repeat(9000))
    utimesSync(join(web, 'srv/f2'), mtimeMs / 1000, mtimeMs / 1000)
    const bad = it.run('unify', '--verify')
    assert.is(bad.code, 1)
    assert.match(bad.stdout, /1 are damaged\n.*srv\/f2"\n.*srv\/f2"\n/)

    it.must('destroy', 'db', '--yes')
    rmSync(db, { recursive: true })
    const shared = () =>
      readdirSync(join(templates, '.store'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /^[0-9a-f]{62}$/.test(entry.name))
        .map((entry) => lstatSync(join(entry.parentPath, entry.name)).nlink)
    it.must('unify')
    assert.ok(shared().length >= 5)
    it.must('destroy', 'web', '--yes')
    rmSync(web, { recursive: true })
    it.must('unify')
    assert.equal(shared(), [])
    assert.is(it.run('list').stderr, '')
  })
}

test('a store that is none any more keeps nothing from being shared', (context) => {
  const it = openLab(context)
  const { templates, umount } = mountTemplates(context, it, tmpfs)
  it.guest('web')
  it.guest('db')
  it.must('unify')
  const kept = join(it.scratch, 'kept')
  execFileSync('cp', ['-a', templates, kept])
  umount()
  execFileSync('cp', ['-aT', kept, templates])
  assert.ok(existsSync(join(templates, '.store')))
  it.guest('mail')
  it.must('unify', '--dry-run')
  assert.ok(existsSync(join(templates, '.store')))
  it.must('unify')
  assert.not(existsSync(join(templates, '.store')))
  assert.is(inode(join(it.template('web'), 'srv/f1')), inode(join(it.template('mail'), 'srv/f1')))
})

test.run()
