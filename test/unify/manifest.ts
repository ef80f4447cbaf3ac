/**
 * Everything about trees that unification must leave as it is, seen without the code under test: by `lstat`,
 * `getfattr` and `lsattr`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import * as assert from 'uvu/assert'

/** What is known of one path. Only inode number and link count may change. */
export interface Entry {
  readonly isFile: boolean
  readonly ino: bigint
  readonly nlink: bigint
  /** Owner, mode, time, size, content or target, xattrs, flags. */
  readonly line: string
}

/** By path, one code unit for each byte. */
export type Manifest = ReadonlyMap<string, Entry>

/** Larger files are holes, in these tests. */
const READ_BYTES = 1 << 26

/** Everything below directories, and they themselves. */
export function manifest(...roots: readonly string[]): Manifest {
  const found = new Map<string, Omit<Entry, 'line'> & { line: string }>()
  const pending = [...roots]
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const bytes = Buffer.from(path, 'latin1')
    const st = lstatSync(bytes, { bigint: true })
    const content = st.isSymbolicLink()
      ? readlinkSync(bytes, 'latin1')
      : st.isFile() && st.size <= READ_BYTES
      ? createHash('sha1').update(readFileSync(bytes)).digest('hex')
      : ''
    const size = st.isDirectory() ? '' : st.size
    const line = [st.mode.toString(8), st.uid, st.gid, st.rdev, size, st.mtimeNs, content].join(' ')
    found.set(path, { isFile: st.isFile(), ino: st.ino, nlink: st.nlink, line })
    if (!st.isDirectory()) continue
    const names = readdirSync(bytes, { encoding: 'buffer' }).map((name) => name.toString('latin1'))
    pending.push(...names.sort().map((name) => `${path}/${name}`))
  }
  for (const [path, text] of [...xattrsOf(roots), ...flagsOf([...found.keys()])]) {
    const entry = found.get(path)
    if (entry !== undefined) entry.line += ` ${text}`
  }
  return found
}

/** Paths that have any, with all of them. Where an overlay has copied a file from is no part of a tree. */
function xattrsOf(roots: readonly string[]): ReadonlyMap<string, string> {
  const flags = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', '--']
  const ran = spawnSync('getfattr', [...flags, ...roots], { maxBuffer: 1 << 28 })
  const found = new Map<string, string>()
  for (const block of ran.stdout.toString('latin1').split('\n\n')) {
    const [head = '', ...lines] = block.split('\n')
    const path = head.replace(/^# file: /, '')
      .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    const kept = lines.filter((line) => line !== '' && !line.startsWith('trusted.overlay.origin='))
    if (kept.length > 0) found.set(path, kept.sort().join(' '))
  }
  return found
}

function flagsOf(paths: readonly string[]): ReadonlyMap<string, string> {
  const files = paths.filter((path) => {
    const st = lstatSync(Buffer.from(path, 'latin1'))
    return st.isFile() || st.isDirectory()
  })
  const found = new Map<string, string>()
  // An argument is a text for spawn: names that are no UTF-8 go through a shell.
  for (let from = 0; from < files.length; from += 200) {
    const some = files.slice(from, from + 200)
    const script = `exec lsattr -d -- ${some.map(quote).join(' ')}\n`
    const ran = spawnSync('bash', ['-s'], { input: Buffer.from(script, 'latin1') })
    const text = ran.stdout.toString('latin1')
    let at = 0
    for (const path of some) {
      const space = text.indexOf(' ', at)
      if (text.slice(space + 1, space + 1 + path.length) !== path) {
        throw new Error(`lsattr says nothing of "${path}": ${ran.stderr}`)
      }
      found.set(path, text.slice(at, space))
      at = space + path.length + 2
    }
  }
  return found
}

/** A path as a word of a shell line. */
export function quote(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}

/** The same paths, each the same but for its inode. */
export function assertSame(now: Manifest, before: Manifest, message = ''): void {
  const differing: string[] = []
  for (const [path, { line }] of before) {
    const found = now.get(path)
    if (found === undefined) differing.push(`missing: ${path}`)
    else if (found.line !== line) differing.push(`${path}:\n  was ${line}\n  is  ${found.line}`)
  }
  for (const path of now.keys()) if (!before.has(path)) differing.push(`new: ${path}`)
  assert.is(differing.slice(0, 10).join('\n'), '', message)
}

/**
 * Files that are equal are one inode, and those that are not are not.
 *
 * @param isShared whether a path is one of those that unification looks at
 */
export function assertUnified(
  now: Manifest,
  isShared: (path: string, entry: Entry) => boolean,
): void {
  const alone = new Set<bigint>()
  for (const [path, entry] of now) {
    if (entry.isFile && !isShared(path, entry)) alone.add(entry.ino)
  }
  const inoOf = new Map<string, bigint>()
  const lineOf = new Map<bigint, string>()
  const wrong: string[] = []
  for (const [path, { isFile, ino, line }] of now) {
    if (!isFile) continue
    if ((lineOf.get(ino) ?? line) !== line) wrong.push(`one, but not equal: ${path}`)
    lineOf.set(ino, line)
    if (alone.has(ino)) continue
    if ((inoOf.get(line) ?? ino) !== ino) wrong.push(`equal, but not one: ${path}: ${line}`)
    inoOf.set(line, ino)
  }
  assert.is(wrong.slice(0, 10).join('\n'), '')
}
