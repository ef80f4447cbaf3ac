/**
 * `node tree_history.ts write DIRECTORY SEED COUNT`: changes a tree at random, as programs in a guest
 * would. `node tree_history.ts show DIRECTORY`: prints all that can be seen of it.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'with space', 'ü']

function walk(top: string): { directories: string[]; others: string[] } {
  const directories = [top]
  const others: string[] = []
  for (const directory of directories) {
    for (const name of fs.readdirSync(directory).toSorted()) {
      const path = join(directory, name)
      if (fs.lstatSync(path).isDirectory()) directories.push(path)
      else others.push(path)
    }
  }
  return { directories, others }
}

/** Makes `count` changes below a directory. */
export function write(top: string, seed: number, count: number): void {
  const pick = random(seed)
  const run = (...argv: string[]) => execFileSync(argv[0] ?? '', argv.slice(1))
  for (let step = 0; step < count; step++) {
    const { directories, others } = walk(top)
    const one = (list: string[]) => list[pick(list.length)] ?? top
    const place = join(one(directories), names[pick(names.length)] ?? 'a')
    const free = !fs.existsSync(place) && !others.includes(place)
    const below = directories.slice(1)
    const [directory, other] = [one(below), one(others)]
    const any = pick(2) === 0 || others.length === 0 ? one(directories) : other
    switch (pick(16)) {
      case 0:
      case 1:
        if (free) fs.mkdirSync(place)
        break
      case 2:
      case 3:
        if (free) fs.writeFileSync(place, `${seed} ${step}`)
        break
      case 4:
      case 5:
      case 6:
        // A directory gets another name; now and then a new one comes in its old place.
        if (below.length === 0 || !free || place.startsWith(`${directory}/`)) break
        fs.renameSync(directory, place)
        if (pick(2) === 0 && fs.existsSync(dirname(directory))) fs.mkdirSync(directory)
        break
      case 7:
        if (others.length > 0 && free) fs.renameSync(other, place)
        break
      case 8:
        if (others.length > 0) fs.rmSync(other)
        break
      case 9:
        if (below.length > 4) fs.rmSync(directory, { recursive: true })
        break
      case 10:
        if (others.length > 0 && free) fs.linkSync(other, place)
        break
      case 11:
        if (free) fs.symlinkSync(`../${basename(other)}`, place)
        break
      case 12:
        fs.lchownSync(any, pick(9), pick(9))
        if (!fs.lstatSync(any).isSymbolicLink()) {
          fs.chmodSync(any, [0o700, 0o1777, 0o2755][pick(3)] ?? 0)
        }
        break
      case 13:
        if (!fs.lstatSync(any).isFile() && !fs.lstatSync(any).isDirectory()) break
        run('setfattr', '-n', `user.n${pick(3)}`, '-v', `v${step}`, any)
        if (pick(3) === 0) run('setfacl', '-m', `u:${pick(9)}:r`, any)
        break
      case 14:
        if (free && pick(2) === 0) run('mkfifo', place)
        else if (free) run('mknod', place, 'c', '1', '3')
        break
      default:
        if (others.length > 0 && fs.lstatSync(other).isFile()) fs.appendFileSync(other, '+')
        else fs.lutimesSync(any, pick(1e9), pick(1e9))
    }
  }
}

/** Names, owners, modes, times, devices, contents, xattrs, and which names are one file. */
export function show(top: string): string {
  const { directories, others } = walk(top)
  const first = new Map<bigint, string>()
  const lines = [...directories, ...others].toSorted().map((path) => {
    const stat = fs.lstatSync(path, { bigint: true })
    const same = stat.isDirectory() ? path : first.get(stat.ino) ?? path
    first.set(stat.ino, same)
    const content = stat.isFile()
      ? createHash('sha256').update(fs.readFileSync(path)).digest('hex').slice(0, 12)
      : stat.isSymbolicLink()
      ? fs.readlinkSync(path)
      : stat.rdev
    const size = stat.isDirectory() ? 0 : stat.size
    const what = [stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeNs, size, content]
    return `${path.slice(top.length)} ${what.join(' ')} ${same.slice(top.length)}`
  })
  const xattrs = execFileSync('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], {
    cwd: top,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  const blocks = xattrs.split('\n\n').map((block) => block.split('\n'))
    .map(([head = '', ...rest]) => [head, ...rest.toSorted()].join('\n'))
  return [...lines, ...blocks.toSorted()].join('\n')
}

if (process.argv[1]?.endsWith('tree_history.ts') === true) {
  const [verb = '', directory = '', seed = '', count = ''] = process.argv.slice(2)
  if (verb === 'write') write(directory, Number(seed), Number(count))
  else process.stdout.write(show(directory))
}
