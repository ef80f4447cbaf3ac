/**
 * Steps that build the guest's tree of mounts on the host's side, before the guest's own mount namespace
 * exists. Everything made here is locked in the guest's copy of it. Pure.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { errno } from '../linux/errno.ts'
import { signal } from '../linux/signals.ts'
import { cloneArgs, mountAttr, openHow } from '../linux/structs.ts'
import { role } from '../plan/abi.ts'
import type { ProgramBuilder } from '../plan/builder.ts'
import { type Arg, bytes } from '../plan/program.ts'
import type { Handles, Origin, Step } from './step.ts'
import { maxLayers } from './max_layers.ts'

export type MountFlag = 'readOnly' | 'noSuid' | 'noDev' | 'noExec'

const attributes: Readonly<Record<MountFlag, number>> = {
  readOnly: k.MOUNT_ATTR_RDONLY,
  noSuid: k.MOUNT_ATTR_NOSUID,
  noDev: k.MOUNT_ATTR_NODEV,
  noExec: k.MOUNT_ATTR_NOEXEC,
}

/** The mount attributes of flag names. */
export function attributeBits(flags: readonly MountFlag[]): number {
  return flags.reduce((bits, flag) => bits | attributes[flag], 0)
}

const cloneTree = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC
/** Descriptors with fixed numbers, for paths below /proc/self/fd. Below 64: no table has to grow. */
const fixedDescriptor = 44

const host = (kind: string, phrase: string, emit: Step['emit'], origin?: Origin): Step => ({
  kind,
  role: 'HOST',
  phrase,
  emit,
  ...(origin === undefined ? {} : { origin }),
})

/** A mount namespace that the host owns, for the guest's tree alone. Nothing propagates out of it. */
export function hostMountNamespace(): Step {
  return host('mount-namespace', "create the host's side of the mount namespace", (p, h) => {
    p.keep('openat', [k.AT_FDCWD, '/proc/self/ns/mnt', k.O_RDONLY | k.O_CLOEXEC], {
      out: h.slot('hostMounts'),
    })
    // Only the working directory and the root follow into the copy; descriptors stay in the original.
    p.call('fchdir', [h.ref('runDir')])
    p.call('unshare', [k.CLONE_NEWNS])
    const attr = bytes(mountAttr.encode({ propagation: k.MS_PRIVATE }))
    p.call('mount_setattr', [k.AT_FDCWD, '/', k.AT_RECURSIVE, attr, 32])
  })
}

/** Puts a descriptor at a number that a path can name. */
function name(p: ProgramBuilder, tree: Arg, index: number): string {
  p.call('dup3', [tree, fixedDescriptor + index, k.O_CLOEXEC])
  return `/proc/self/fd/${fixedDescriptor + index}`
}

export interface RootLayers {
  /** Whether overlayfs takes layers that are attached nowhere (Linux 6.15). */
  readonly detachedLayers: boolean
  /** Top first. */
  readonly lowers: readonly string[]
  /** Directory that holds `upper` and `work`: overlayfs wants both on one mount. */
  readonly writable: string
}

/**
 * Makes the root: overlayfs over idmapped layers. On disk everything belongs to ids 0 to 65535, so
 * that guests with different ranges share it. `index`, `metacopy` and `nfs_export` stay off: a lower
 * file may be replaced by an equal one while it is mounted.
 */
export function mountRoot({ lowers, writable, detachedLayers }: RootLayers): Step {
  if (lowers.length + 1 > maxLayers) throw new RangeError(`at most ${maxLayers - 1} layers`)
  return host('root', 'make the root file system', (p, h) => {
    const idmap = bytes(mountAttr.encode({ attr_set: k.MOUNT_ATTR_IDMAP }))
    p.put(idmap, mountAttr.at('userns_fd'), h.ref('userNamespace'))
    const tree = h.slot('layer')
    const paths = [writable, ...lowers].map((path, index) => {
      const opened = p.keep('open_tree', [k.AT_FDCWD, path, cloneTree], { out: tree })
      p.call('mount_setattr', [opened, '', k.AT_EMPTY_PATH, idmap, 32])
      // Over the guest's runtime directory, in this namespace alone; the pivot drops them.
      if (!detachedLayers) {
        p.call('move_mount', [opened, '', k.AT_FDCWD, '.', k.MOVE_MOUNT_F_EMPTY_PATH])
      }
      const named = name(p, opened, index)
      p.call('close', [opened])
      return named
    })
    const [top, ...below] = paths
    const options: readonly (readonly [string, string])[] = [
      ['source', 'vserver'],
      ['lowerdir', below.join(':')],
      ['upperdir', `${top}/upper`],
      ['workdir', `${top}/work`],
      ['index', 'off'],
      ['metacopy', 'off'],
      ['nfs_export', 'off'],
      ['redirect_dir', 'on'],
    ]
    newFileSystem(p, h, { type: 'overlay', options, flags: ['noDev'], slot: 'root' })
    paths.forEach((_, index) => p.call('close', [fixedDescriptor + index]))
  })
}

/** Attaches the root in the host's side of the mount namespace, over the guest's runtime directory. */
export function attachRoot(): Step {
  return host('root', 'attach the root file system', (p, h) => {
    p.call('move_mount', [h.ref('root'), '', k.AT_FDCWD, '.', k.MOVE_MOUNT_F_EMPTY_PATH])
  })
}

interface NewFileSystem {
  readonly type: string
  readonly options: readonly (readonly [string, string])[]
  readonly flags: readonly MountFlag[]
  readonly slot: string
}

/** Makes a detached mount of a new file system. */
function newFileSystem(p: ProgramBuilder, h: Handles, made: NewFileSystem): void {
  const context = p.keep('fsopen', [made.type, k.FSOPEN_CLOEXEC], { out: h.slot('fsContext') })
  for (const [key, value] of made.options) {
    p.call('fsconfig', [context, k.FSCONFIG_SET_STRING, key, value, 0])
  }
  createAndMount(p, h, made)
}

function createAndMount(p: ProgramBuilder, h: Handles, made: Omit<NewFileSystem, 'options'>): void {
  const context = h.ref('fsContext')
  p.call('fsconfig', [context, k.FSCONFIG_CMD_CREATE, 0, 0, 0])
  p.keep('fsmount', [context, k.FSMOUNT_CLOEXEC, attributeBits(made.flags)], {
    out: h.slot(made.slot),
  })
  p.call('close', [context])
}

/** Where a mount goes: a path below a mount that an earlier step made. */
export interface Place {
  /** Name of the mount's slot. */
  readonly mount: string
  /** Path below it, without links: the last component is not followed. */
  readonly path: string
}

/** Attaches a detached mount. A target that is a symbolic link is refused by the kernel. */
function attach(
  p: ProgramBuilder,
  h: Handles,
  tree: Arg,
  at: Place,
  ignore: readonly number[] = [],
) {
  p.call('move_mount', [tree, '', h.ref(at.mount), at.path, k.MOVE_MOUNT_F_EMPTY_PATH], { ignore })
}

/** Mounts a tmpfs or devpts of the guest's own, made by the host so that its limits hold. */
export function mountNew(made: {
  readonly type: 'tmpfs' | 'devpts'
  readonly at: Place
  readonly target: string
  readonly options: Readonly<Record<string, string>>
  readonly flags: readonly MountFlag[]
  readonly slot: string
}): Step {
  return host('file-system', `mount ${made.type} at "${made.target}"`, (p, h) => {
    newFileSystem(p, h, { ...made, options: Object.entries(made.options) })
    attach(p, h, h.ref(made.slot), made.at)
  })
}

/**
 * Mounts proc, sysfs and cgroup2 as the guest's namespaces show them. They are made by the host, which
 * joins the network and cgroup namespaces for it, so that masks over them lock. Before Linux 6.18, which
 * has proc's `pidns` option, a short-lived child in the guest's pid namespace makes the proc.
 */
export function mountKernelFileSystems(options: { readonly pidNamespaceOption: boolean }): Step[] {
  const join = host('kernel-file-systems', 'mount sysfs and cgroup2', (p, h) => {
    const own = (name: string) =>
      p.keep('openat', [k.AT_FDCWD, `/proc/self/ns/${name}`, k.O_RDONLY | k.O_CLOEXEC], {
        out: h.slot(`host-${name}`),
      })
    own('net')
    own('cgroup')
    p.call('setns', [h.ref('initPidfd'), k.CLONE_NEWNET | k.CLONE_NEWCGROUP])
    const flags = ['noSuid', 'noDev', 'noExec'] as const
    newFileSystem(p, h, { type: 'sysfs', options: [], flags: [...flags, 'readOnly'], slot: 'sys' })
    newFileSystem(p, h, { type: 'cgroup2', options: [], flags, slot: 'sysCgroup' })
    p.call('setns', [h.ref('host-net'), k.CLONE_NEWNET])
    p.call('setns', [h.ref('host-cgroup'), k.CLONE_NEWCGROUP])
    attach(p, h, h.ref('sys'), { mount: 'root', path: 'sys' })
    attach(p, h, h.ref('sysCgroup'), { mount: 'sys', path: 'fs/cgroup' })
  })
  return [join, ...(options.pidNamespaceOption ? [procByOption()] : procByChild())]
}

const procFlags = ['noSuid', 'noDev', 'noExec'] as const

function procByOption(): Step {
  return host('kernel-file-systems', 'mount proc', (p, h) => {
    const context = p.keep('fsopen', ['proc', k.FSOPEN_CLOEXEC], { out: h.slot('fsContext') })
    p.call('fsconfig', [context, k.FSCONFIG_SET_FD, 'pidns', 0, h.ref('pidNamespace')])
    createAndMount(p, h, { type: 'proc', flags: procFlags, slot: 'proc' })
    attach(p, h, h.ref('proc'), { mount: 'root', path: 'proc' })
  })
}

function procByChild(): Step[] {
  const child: Step = {
    kind: 'kernel-file-systems',
    role: 'HELPER',
    phrase: 'mount proc',
    emit: (p, h) =>
      newFileSystem(p, h, { type: 'proc', options: [], flags: procFlags, slot: 'proc' }),
  }
  const parent = host('kernel-file-systems', 'mount proc', (p, h) => {
    const self = p.keep('openat', [k.AT_FDCWD, '/proc/self/ns/pid', k.O_RDONLY | k.O_CLOEXEC], {
      out: h.slot('host-pid'),
    })
    p.call('setns', [h.ref('initPidfd'), k.CLONE_NEWPID])
    const args = bytes(
      // No CLONE_VM: before Linux 6.3 it is refused to who has unshared the time namespace.
      cloneArgs.encode({ flags: k.CLONE_FILES, exit_signal: signal.SIGCHLD }),
    )
    p.emit('CLONE', [args, role.HELPER], { out: h.slot('helper') })
    p.emit('REAP', [h.ref('helper')])
    p.call('setns', [self, k.CLONE_NEWPID])
    attach(p, h, h.ref('proc'), { mount: 'root', path: 'proc' })
  })
  return [child, parent]
}

/** Shows a host path inside. Its target is resolved inside the guest's root, whatever links are there. */
export function bindMount(mount: {
  readonly source: string
  readonly target: string
  readonly directory: boolean
  readonly flags: readonly MountFlag[]
  readonly origin: Origin
}): Step {
  const phrase = `mount "${mount.source}" at "${mount.target}"`
  return host('bind', phrase, (p, h) => {
    const tree = p.keep('open_tree', [k.AT_FDCWD, mount.source, cloneTree], { out: h.slot('bind') })
    const attr = bytes(mountAttr.encode({ attr_set: attributeBits(mount.flags) }))
    p.call('mount_setattr', [tree, '', k.AT_EMPTY_PATH, attr, 32])
    const how = bytes(
      openHow.encode({
        flags: k.O_PATH | k.O_CLOEXEC,
        resolve: k.RESOLVE_IN_ROOT | k.RESOLVE_NO_MAGICLINKS,
      }),
    )
    const parts = mount.target.split('/').filter((part) => part !== '')
    parts.forEach((part, index) => {
      const above = '/' + parts.slice(0, index).join('/')
      const parent = p.keep('openat2', [h.ref('root'), above, how, 24], {
        out: h.slot('bindParent'),
      })
      const last = index === parts.length - 1
      if (last && !mount.directory) {
        p.call('mknodat', [parent, part, k.S_IFREG | 0o644, 0], { ignore: [errno.EEXIST] })
      } else {
        p.call('mkdirat', [parent, part, 0o755], { ignore: [errno.EEXIST] })
      }
      p.call('close', [parent])
    })
    const target = p.keep('openat2', [h.ref('root'), mount.target, how, 24], {
      out: h.slot('bindTarget'),
    })
    const both = k.MOVE_MOUNT_F_EMPTY_PATH | k.MOVE_MOUNT_T_EMPTY_PATH
    p.call('move_mount', [tree, '', target, '', both])
    p.call('close', [target])
    p.call('close', [tree])
  }, mount.origin)
}

/** Covers a file or directory of a kernel file system. */
export function mask(at: Place, how: 'file' | 'directory', shown: string): Step {
  return host('mask', `hide "${shown}"`, (p, h) => {
    if (how === 'file') {
      p.keep('open_tree', [h.ref('dev'), 'null', cloneTree], { out: h.slot('mask') })
    } else {
      const options = [['size', '4k'], ['nr_inodes', '2'], ['mode', '0555']] as const
      const flags = ['readOnly', 'noSuid', 'noDev', 'noExec'] as const
      newFileSystem(p, h, { type: 'tmpfs', options, flags, slot: 'mask' })
    }
    attach(p, h, h.ref('mask'), at, [errno.ENOENT])
    p.call('close', [h.ref('mask')])
  })
}

/** Makes part of a kernel file system read-only, but for one directory below it. */
export function readOnly(at: Place, shown: string, except?: string): Step {
  return host('read-only', `make "${shown}" read-only`, (p, h) => {
    const source = h.ref(at.mount)
    if (except !== undefined) {
      const path = `${at.path}/${except}`
      p.keep('open_tree', [source, path, cloneTree], { out: h.slot('except') })
    }
    const part = p.keep('open_tree', [source, at.path, cloneTree], { out: h.slot('mask') })
    const attr = bytes(mountAttr.encode({ attr_set: k.MOUNT_ATTR_RDONLY }))
    p.call('mount_setattr', [part, '', k.AT_EMPTY_PATH, attr, 32])
    attach(p, h, part, at)
    if (except !== undefined) {
      p.call('move_mount', [h.ref('except'), '', part, except, k.MOVE_MOUNT_F_EMPTY_PATH])
      p.call('close', [h.ref('except')])
    }
    p.call('close', [part])
  })
}

/**
 * Makes the guest's root the root of the namespace and drops the host's tree from it: nothing of the host
 * is reachable from any copy of this namespace.
 */
export function pivot(): Step {
  return host('pivot', 'switch to the root file system', (p, h) => {
    p.call('fchdir', [h.ref('root')])
    p.call('pivot_root', ['.', '.'])
    p.call('umount2', ['.', k.MNT_DETACH])
  })
}

/** Goes back to the host's own mounts and closes descriptors that only the start needed. */
export function release(names: readonly string[]): Step {
  return host('release', 'return to the host', (p, h) => {
    p.call('setns', [h.ref('hostMounts'), k.CLONE_NEWNS])
    p.call('umask', [0o077])
    for (const name of names) p.call('close', [h.ref(name)])
  })
}
