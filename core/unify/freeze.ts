/**
 * Takes out of writable layers what is shared.
 *
 * @module
 */
import { digestInLanes } from './digest_lanes.ts'
import type { Lane } from './lanes.ts'
import type { Equal } from './match.ts'
import { type FileTable, state } from './table.ts'
import type { FileNode, Name, Tree } from './tree.ts'

export interface FreezeRequest {
  readonly signal: AbortSignal
  /**
   * Takes files out of the writable layer of a stopped guest.
   *
   * @returns the names that they have now, in a new immutable tree; those of files that changed meanwhile,
   * or of a guest that runs by now, are not among them
   */
  readonly moveOut: (tree: Tree, files: readonly FileNode[]) => Promise<ReadonlyMap<Name, Name>>
}

/** What only one guest can write to is left with it, unless another tree has the same. */
export function isWorthwhile(files: FileTable, { files: numbers, known }: Equal): boolean {
  if (known.length > 0 || numbers.every((file) => files.at.writable[file] === 0)) return true
  const [first = 0] = numbers
  const tree = files.treeOf(first)
  return numbers.some((file) =>
    files.treeOf(file) !== tree ||
    ((files.at.names[file] ?? 0) > 1 && files.node(file).names.some((name) => name.tree !== tree))
  )
}

interface Leaving {
  readonly file: number
  readonly content: Uint8Array
}

/**
 * Moves what is equal out of writable layers, and reads it again then: who still had a file open or mapped
 * could write to it after it was read, and its times need not tell.
 *
 * @returns groups of files that nobody can write to
 */
export async function freezeEqual(
  files: FileTable,
  equal: readonly Equal[],
  request: FreezeRequest & { readonly lanes: readonly Lane[] },
): Promise<readonly Equal[]> {
  const { at } = files
  const leaving = new Map<Tree, Leaving[]>()
  for (const { files: numbers, content } of equal) {
    for (const file of numbers) {
      // Only with all its names can a file leave.
      if (at.writable[file] === 0 || at.names[file] !== at.nlink[file]) continue
      const tree = files.treeOf(file)
      const own = leaving.get(tree)
      if (own === undefined) leaving.set(tree, [{ file, content }])
      else own.push({ file, content })
    }
  }
  for (const [tree, list] of leaving) await freezeTree(files, { tree, list }, request)
  return equal.flatMap((group) => {
    const frozen = group.files.filter((file) =>
      at.writable[file] === 0 && at.state[file] === state.HERE
    )
    return frozen.length + group.known.length > 1 ? [{ ...group, files: frozen }] : []
  })
}

async function freezeTree(
  files: FileTable,
  { tree, list }: { tree: Tree; list: readonly Leaving[] },
  { lanes, moveOut, signal }: FreezeRequest & { readonly lanes: readonly Lane[] },
): Promise<void> {
  const nodes = list.map(({ file }) => files.node(file))
  // Moving has descriptors with numbers of its own in the first executor.
  await lanes[0]?.close()
  const moved = await moveOut(tree, nodes)
  const frozen = list.filter(({ file }, i) => {
    const names = nodes[i]?.names ?? []
    const [first] = names.flatMap((name) => moved.get(name) ?? [])
    if (first === undefined || !names.every((name) => moved.has(name))) return false
    files.move(file, first.tree)
    return true
  })
  const digests = await digestInLanes(
    lanes,
    frozen.map(({ file }) => ({
      member: { root: files.treeOf(file).path, path: files.pathOf(file), careful: false },
      size: files.at.size[file] ?? 0,
    })),
    signal,
  )
  for (const [i, { file, content }] of frozen.entries()) {
    const digest = digests[i]
    const same = digest instanceof Uint8Array && Buffer.compare(digest, content) === 0
    if (!same) files.drop(file)
  }
}
