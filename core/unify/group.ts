/**
 * Files that may be equal: of the same size, with the same owner, mode and time. Pure.
 *
 * @module
 */
import { type FileTable, state } from './table.ts'

/** Groups of files, by the numbers that they have in their table; those of one file, too. */
export function groupAlike(
  { at, count }: FileTable,
  { ignoreTimes }: { readonly ignoreTimes: boolean },
): readonly (readonly number[])[] {
  const groups: number[][] = []
  /** Open addressing by all that files of a group have in common: numbers of groups plus one. */
  let size = 1024
  while (size < 2 * count) size *= 2
  const slots = new Int32Array(size)
  const isAlike = (a: number, b: number) =>
    at.size[a] === at.size[b] && at.owner[a] === at.owner[b] &&
    (ignoreTimes ||
      (at.mtimeNsec[a] === at.mtimeNsec[b] && at.mtimeSec[a] === at.mtimeSec[b]))
  for (let file = 0; file < count; file++) {
    if (at.state[file] !== state.HERE) continue
    let hash = mix((at.size[file] ?? 0) | 0, at.owner[file] ?? 0)
    if (!ignoreTimes) hash = mix(mix(hash, (at.mtimeSec[file] ?? 0) | 0), at.mtimeNsec[file] ?? 0)
    let slot = (hash ^ (hash >>> 15)) & (size - 1)
    for (;;) {
      const group = groups[(slots[slot] ?? 0) - 1]
      if (group === undefined) {
        slots[slot] = groups.push([file])
        break
      }
      if (isAlike(group[0] ?? 0, file)) {
        group.push(file)
        break
      }
      slot = (slot + 1) & (size - 1)
    }
  }
  return groups
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x9e3779b1) ^ (value >>> 13)
}
