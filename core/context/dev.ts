/**
 * Steps that fill the guest's `/dev` on the host's side. The nodes are made by the host, on a tmpfs of
 * the host's: inside, nobody can make one. Pure.
 *
 * @module
 */
import * as k from '../linux/constants.ts'
import { bytes } from '../plan/program.ts'
import { mountNew } from './mounts.ts'
import type { Step } from './step.ts'
import { encodeUtf8 } from '../linux/text.ts'

/** Devices that every guest has: name, major and minor number (Documentation/admin-guide/devices.txt). */
export const guestDevices = [
  ['null', 1, 3],
  ['zero', 1, 5],
  ['full', 1, 7],
  ['random', 1, 8],
  ['urandom', 1, 9],
  ['tty', 5, 0],
] as const

const links = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
  ['ptmx', 'pts/ptmx'],
] as const

/** Where the guest's init reports readiness (sd_notify(3)). */
export const notifyPath = '/dev/.vserver-notify'

/** Descriptor with a fixed number, so that a socket's path can name it. */
const devDescriptor = 43

/**
 * Mounts and fills `/dev`, `/dev/pts` and `/dev/shm`.
 *
 * @param terminalGroup host gid that owns terminals (gid 5, `tty`, inside)
 */
export function fillDev(terminalGroup: number): readonly Step[] {
  return [
    mountNew({
      type: 'tmpfs',
      target: '/dev',
      at: { mount: 'root', path: 'dev' },
      options: { source: 'dev', mode: '0755', size: '4m', nr_inodes: '1024' },
      flags: ['noSuid', 'noExec'],
      slot: 'dev',
    }),
    {
      kind: 'devices',
      role: 'HOST',
      phrase: 'create the devices',
      emit(p, h) {
        const dev = h.ref('dev')
        for (const [name, major, minor] of guestDevices) {
          p.call('mknodat', [dev, name, k.S_IFCHR | 0o666, (major << 8) | minor])
        }
        for (const [name, target] of links) p.call('symlinkat', [target, dev, name])
        p.call('mkdirat', [dev, 'pts', 0o755])
        p.call('mkdirat', [dev, 'shm', 0o1777])
        p.call('mknodat', [dev, 'console', k.S_IFREG | 0o600, 0])
      },
    },
    mountNew({
      type: 'devpts',
      target: '/dev/pts',
      at: { mount: 'dev', path: 'pts' },
      options: {
        source: 'devpts',
        mode: '0620',
        ptmxmode: '0666',
        gid: String(terminalGroup),
        max: '1024',
      },
      flags: ['noSuid', 'noExec'],
      slot: 'devpts',
    }),
    mountNew({
      type: 'tmpfs',
      target: '/dev/shm',
      at: { mount: 'dev', path: 'shm' },
      options: { source: 'shm', mode: '1777' },
      flags: ['noSuid', 'noDev'],
      slot: 'shm',
    }),
  ]
}

/** Makes the console: a terminal whose master the supervisor keeps, as `/dev/console` inside. */
export function makeConsole(): Step {
  return {
    kind: 'console',
    role: 'HOST',
    phrase: 'create the console',
    emit(p, h) {
      const flags = k.O_RDWR | k.O_NOCTTY | k.O_CLOEXEC
      const master = p.keep('openat', [h.ref('devpts'), 'ptmx', flags | k.O_NONBLOCK], {
        out: h.slot('console'),
      })
      p.call('ioctl', [master, k.TIOCSPTLCK, bytes(4)])
      p.keep('ioctl', [master, k.TIOCGPTPEER, flags], { out: h.slot('consolePeer') })
      const size = bytes(8)
      new DataView(size.bytes.buffer).setUint16(0, 24, true)
      new DataView(size.bytes.buffer).setUint16(2, 80, true)
      p.call('ioctl', [master, k.TIOCSWINSZ, size])
      const clone = k.OPEN_TREE_CLONE | k.OPEN_TREE_CLOEXEC
      const tree = p.keep('open_tree', [h.ref('devpts'), '0', clone], {
        out: h.slot('consoleTree'),
      })
      p.call('move_mount', [tree, '', h.ref('dev'), 'console', k.MOVE_MOUNT_F_EMPTY_PATH])
      p.call('close', [tree])
    },
  }
}

/** Binds the socket that the guest's init reports readiness to. */
export function makeNotifySocket(): Step {
  return {
    kind: 'notify',
    role: 'HOST',
    phrase: 'create the readiness socket',
    emit(p, h) {
      const type = k.SOCK_DGRAM | k.SOCK_CLOEXEC | k.SOCK_NONBLOCK
      const socket = p.keep('socket', [k.AF_UNIX, type, 0], { out: h.slot('notify') })
      const path = `/proc/self/fd/${devDescriptor}/${notifyPath.slice('/dev/'.length)}`
      const address = bytes(new Uint8Array(110), 2)
      new DataView(address.bytes.buffer).setUint16(0, k.AF_UNIX, true)
      address.bytes.set(encodeUtf8(path), 2)
      p.call('dup3', [h.ref('dev'), devDescriptor, k.O_CLOEXEC])
      p.call('bind', [socket, address, 2 + path.length + 1])
      p.call('close', [devDescriptor])
    },
  }
}
