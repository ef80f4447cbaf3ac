/**
 * Writes a tree into an empty directory, through plans that the executor runs. The members come in any
 * order in which parents may be missing but hard links follow their target; a later member of the same
 * name replaces an earlier one.
 *
 * Nothing outside the directory is ever touched, whatever the members say: see `registry.ts` (what may
 * be written where) and `directories.ts` (how it is reached). After a failure or an abort the
 * directory is empty again.
 *
 * @module
 */
import {
  AT_REMOVEDIR,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../linux/constants.ts'
import { text } from '../../plan/program.ts'
import type { Session } from '../../plan/session.ts'
import type { Progress } from '../../plugin/types.ts'
import { readBudget } from './budget.ts'
import { cleanUp } from './cleanup.ts'
import type { CopyWay } from './content.ts'
import { directoryCache, openBelow } from './directories.ts'
import {
  emitAttributes,
  emitDirectory,
  emitLateXattrs,
  emitLink,
  emitNode,
  emitRemove,
  emitSymlink,
  type Spot,
} from './emit.ts'
import type { DirectoryEntry, Entry } from './entry.ts'
import { explainer, interrupted, type TreeDeed } from './failure.ts'
import { type Late, lateOf, readIds, resolveLate } from './late-acls.ts'
import { treeLimits } from './limits.ts'
import { type ByteString, parentOf } from './names.ts'
import { pipeline } from './pipeline.ts'
import { registry } from './registry.ts'
import { origin, root, treeSlot } from './slots.ts'
import { writeFile } from './write-file.ts'

export interface WriteOptions {
  /** For messages: `{ verb: 'unpack', thing: 'x.tar' }`. */
  readonly deed: TreeDeed
  /**
   * Where contents of kinds `twin` (a directory) and `slice` (a file) come from, and how they are copied.
   */
  readonly origin?: {
    readonly path: string
    readonly kind: 'directory' | 'file'
    readonly way: CopyWay
  }
  readonly signal: AbortSignal
  readonly progress: (event: Progress) => void
  /** Members at most. */
  readonly members?: number
  /** Contents may share what is on the disk: how much room they take shows only when they are written. */
  readonly shares?: boolean
  /** Whether to wait until all is on the disk; else the caller sees to it before he relies on it. */
  readonly sync?: boolean
}

/**
 * Writes `entries` into `destination`, an existing empty directory. The session's free slots are
 * overwritten; descriptors that it holds elsewhere stay as they are.
 *
 * @throws {VServerError} E_ARCHIVE or E_SOURCE for members that cannot be, E_DISK_FULL, E_INTERRUPTED,
 * E_OP when a system call fails otherwise
 */
export async function writeTree(
  session: Session,
  destination: string,
  entries: AsyncIterable<Entry>,
  options: WriteOptions,
): Promise<void> {
  const { deed, signal } = options
  const explain = explainer(deed, destination)
  const pipe = pipeline(session, {
    phrase: `${deed.verb} "${deed.thing}"`,
    explain,
    signal,
    interrupted: () => interrupted(deed),
  })
  const made = registry(options.members ?? treeLimits.members)
  const budget = options.shares === true
    ? { spend: () => undefined }
    : await readBudget(destination, `${deed.verb} "${deed.thing}"`)
  let member: ByteString | undefined
  // Alone, so that whatever fails afterwards can be cleaned up through it.
  pipe.program.call('open', [destination, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0], {
    out: treeSlot.ROOT,
  })
  await pipe.finish()
  try {
    openOrigin()
    await writeAll()
  } catch (error) {
    const slots = await pipe.settle()
    await cleanUp(session, { names: made.top(), slots, deed, cause: error })
    throw explain(error, member)
  }

  function openOrigin(): void {
    if (options.origin === undefined) return
    const { path, kind } = options.origin
    const flags = O_RDONLY | O_CLOEXEC | (kind === 'directory' ? O_DIRECTORY : 0)
    pipe.program.call('open', [path, flags, 0], { out: treeSlot.ORIGIN })
  }

  async function writeAll(): Promise<void> {
    const described = new Map<ByteString, DirectoryEntry>()
    const late = new Map<ByteString, Late>()
    const target = directoryCache(root, treeSlot.TARGETS)
    const twins = directoryCache(origin, treeSlot.SOURCES)
    const spotOf = (path: ByteString): Spot => ({
      directory: target.use(pipe.program, parentOf(path)),
      path,
    })
    const way = options.origin?.way ?? 'send'
    let doneBytes = 0
    const advance = (bytes: number) => {
      doneBytes += bytes
      options.progress({ phase: deed.verb, done: doneBytes, unit: 'bytes' })
    }

    for await (const entry of entries) {
      member = entry.path
      if (signal.aborted) throw interrupted(deed)
      pipe.begin(member)
      const { missing, before } = made.admit(entry)
      late.delete(member)
      const waits = lateOf(entry)
      if (waits !== undefined) late.set(member, waits)
      for (const path of missing) {
        emitDirectory(pipe.program, spotOf(path))
        described.set(path, implied(path, entry))
      }
      if (before === 'name') emitRemove(pipe.program, spotOf(member), 0)
      if (before === 'emptyDirectory') {
        target.forget(pipe.program, member)
        described.delete(member)
        emitRemove(pipe.program, spotOf(member), AT_REMOVEDIR)
      }
      switch (entry.kind) {
        case 'directory':
          if (before !== 'sameDirectory') emitDirectory(pipe.program, spotOf(member))
          described.set(member, entry)
          break
        case 'file':
          await writeFile(entry, { pipe, spot: spotOf(member), twins, advance, budget, way })
          break
        case 'hardlink':
          emitLink(pipe.program, spotOf(entry.target), spotOf(member))
          break
        case 'symlink':
          emitSymlink(pipe.program, { entry, spot: spotOf(member) })
          break
        case 'fifo':
        case 'socket':
        case 'char':
        case 'block':
          emitNode(pipe.program, { entry, spot: spotOf(member) })
          break
        default:
          entry satisfies never
      }
      await pipe.room()
    }
    member = undefined
    if (late.size > 0) await writeLate()
    target.close(pipe.program)
    twins.close(pipe.program)
    await writeDirectories([...described.values()].reverse())
    pipe.program.step(0, `${deed.verb} "${deed.thing}"`)
    if (options.sync ?? false) pipe.program.call('syncfs', [root])
    if (options.origin !== undefined) pipe.program.call('close', [origin])
    pipe.program.call('close', [root])
    await pipe.finish()

    async function writeLate(): Promise<void> {
      await pipe.finish()
      const ids = readIds(destination, made)
      for (const waits of late.values()) {
        member = waits.path
        pipe.begin(member)
        const xattrs = resolveLate(waits, ids)
        const directory = described.get(member)
        if (directory === undefined) emitLateXattrs(pipe.program, { spot: spotOf(member), xattrs })
        else described.set(member, { ...directory, xattrs: [...directory.xattrs, ...xattrs] })
        await pipe.room()
      }
      member = undefined
    }
  }

  /** Last of all, because what is made in a directory moves its time, and inherits its ACL. */
  async function writeDirectories(list: readonly DirectoryEntry[]): Promise<void> {
    for (const entry of list) {
      pipe.begin(entry.path)
      if (entry.path === '') {
        pipe.program.call('openat', [root, text('.'), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0], {
          out: treeSlot.FILE,
        })
      } else openBelow(pipe.program, { root, path: entry.path, slot: treeSlot.FILE })
      emitAttributes(pipe.program, entry)
      await pipe.room()
    }
  }
}

/** A directory that the archive leaves out: the members in it tell that it must have been there. */
function implied(path: ByteString, entry: Entry): DirectoryEntry {
  const mtimeNs = entry.kind === 'hardlink' ? 0n : entry.mtimeNs
  return { kind: 'directory', path, mode: 0o755, uid: 0, gid: 0, mtimeNs, xattrs: [] }
}
