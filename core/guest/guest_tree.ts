/**
 * A guest's tree as it looks from inside, for reading: its own writes over its layers over its template.
 *
 * @module
 */
import { release } from 'node:os'
import { join } from 'node:path'
import { busy, errors } from '../errors.ts'
import { takesDetachedLayers } from '../host/kernel.ts'
import { takeLock } from '../host/lock.ts'
import { overlayInUse } from '../host/overlay_use.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { type Root, runDir } from '../host/root.ts'
import * as k from '../linux/constants.ts'
import { planBuilder } from '../plan/builder.ts'
import { bytes } from '../plan/program.ts'
import type { Session } from '../plan/session.ts'
import type { GuestTree } from '../plugin/types.ts'
import type { Patience } from './layers.ts'
import { readLife } from './life.ts'
import { namePattern } from './name.ts'
import { findSnapshot } from './snapshot.ts'
import { guestExists, lowerDirs, readGuest, type StoredGuest } from './store.ts'
import { isEmptyDirectory } from './upper.ts'

/** Descriptor of the mount, in the session; those of the layers follow. */
const MOUNT = 64

/**
 * Opens the tree of a guest that does not run, or of a snapshot (`NAME@SNAPSHOT`) of any guest, and holds
 * the guest's lock until it is closed. One at a time in a session.
 *
 * @throws {VServerError} E_SOURCE, E_SNAPSHOT, E_RUNNING, E_IN_USE, E_BUSY
 */
export async function openGuestTree(
  session: Session,
  root: Root,
  { source, patience }: { source: string; patience: Patience },
): Promise<GuestTree> {
  const [name = '', snapshot, ...more] = source.split('@')
  if (more.length > 0 || !namePattern.test(name) || !guestExists(root, name)) {
    throw errors.E_SOURCE(`Cannot copy "guest:${source}": there is no such guest`, {
      hint: 'vserver list shows the guests',
      details: { source },
    })
  }
  ensureDirectory(runDir(root, name))
  const got = await takeLock(session, join(runDir(root, name), 'lock'), patience)
  if ('holder' in got) throw busy('copy', name, got.holder)
  try {
    if (snapshot === undefined) await checkStill(session, root, name)
    const guest = readGuest(root, { name, verb: 'copy' })
    const layers = treeOf(root, guest, snapshot)
    const [only = ''] = layers
    // Overlayfs makes no mount of one directory. It is the template, which is immutable.
    if (layers.length === 1) return { path: only, close: () => got.lock.release() }
    const pid = await mount(session, { name, layers })
    return {
      // The dot leads through the descriptor, which itself looks like a link.
      path: `/proc/${pid}/fd/${MOUNT}/.`,
      async close() {
        await unmount(session, name)
        await got.lock.release()
      },
    }
  } catch (error) {
    await got.lock.release()
    throw error
  }
}

/** Directories that hold a guest as it is, or as a snapshot of it says, top first. */
function treeOf(root: Root, guest: StoredGuest, snapshot: string | undefined): readonly string[] {
  const { dir, meta } = guest
  if (snapshot === undefined) return [join(dir, 'upper'), ...lowerDirs(root, meta)]
  const { layers } = findSnapshot(guest, { name: snapshot, verb: 'copy' })
  return lowerDirs(root, { ...meta, layers })
}

/** What changes while it is read is no source. */
async function checkStill(session: Session, root: Root, name: string): Promise<void> {
  if (readLife(root, name).kind !== 'none') {
    throw errors.E_RUNNING(`Cannot copy "${name}": it is running`, {
      hint: `vserver stop ${name} stops it`,
    })
  }
  const path = join(root.lib, 'guests', name, 'upper')
  if (isEmptyDirectory(path)) return
  const detachedLayers = takesDetachedLayers(release())
  if (!await overlayInUse(session, { path, detachedLayers })) return
  throw errors.E_IN_USE(
    `Cannot copy "${name}": files of it are still open although it is stopped`,
    {
      hint: 'end the process outside that has them, such as another guest that was handed one',
    },
  )
}

/** Mounts the layers read-only, attached nowhere. Gives the session's pid, below which it is found. */
async function mount(
  session: Session,
  { name, layers }: { name: string; layers: readonly string[] },
): Promise<bigint> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `mount the tree of guest "${name}" for reading`)
  const directory = k.O_PATH | k.O_DIRECTORY | k.O_CLOEXEC
  const opened = builder.slot()
  layers.forEach((path, index) => {
    p.keep('openat', [k.AT_FDCWD, path, directory, 0], { out: opened.slot })
    p.call('dup3', [opened, MOUNT + 1 + index, k.O_CLOEXEC])
    p.call('close', [opened])
  })
  // Names relative to /proc/self/fd are short: a string of fsconfig(2) has 255 bytes.
  const here = p.keep('openat', [k.AT_FDCWD, '.', directory, 0])
  p.call('chdir', ['/proc/self/fd'])
  const context = p.keep('fsopen', ['overlay', k.FSOPEN_CLOEXEC])
  const lowers = layers.map((_, index) => String(MOUNT + 1 + index)).join(':')
  p.call('fsconfig', [context, k.FSCONFIG_SET_STRING, 'lowerdir', lowers, 0])
  p.call('fsconfig', [context, k.FSCONFIG_CMD_CREATE, 0, 0, 0])
  const flags = k.MOUNT_ATTR_RDONLY | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_NOSUID
  const made = p.keep('fsmount', [context, k.FSMOUNT_CLOEXEC, flags])
  p.call('dup3', [made, MOUNT, k.O_CLOEXEC])
  p.call('fchdir', [here])
  for (const fd of [made, context, here]) p.call('close', [fd])
  layers.forEach((_, index) => p.call('close', [MOUNT + 1 + index]))
  const pid = p.keep('getpid', [])
  const cell = bytes(8)
  p.put(cell, { offset: 0, width: 8 }, pid)
  p.emit('REPORT', [cell, 8])
  const answer = await session.run(builder.build())
  return new DataView(answer.bytes.buffer, answer.bytes.byteOffset).getBigUint64(0, true)
}

async function unmount(session: Session, name: string): Promise<void> {
  const builder = planBuilder()
  const p = builder.program('MAIN')
  p.step(0, `unmount the tree of guest "${name}"`)
  p.call('close', [MOUNT])
  await session.run(builder.build())
}
