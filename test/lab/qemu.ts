/**
 * One run of the emulator, from power-on until it is off: its console, kept in a file and watched, and
 * the line to its agent.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from './places.ts'
import { lines, parseLine, type Said } from './protocol.ts'
import { plain, troubleIn } from './trouble.ts'

/** A disk of the machine; the machine knows it by its name. */
export interface Disk {
  readonly name: 'root' | 'modules' | 'tree' | 'state'
  readonly path: string
  /** What is written stays in the file; otherwise it is lost when the machine goes off. */
  readonly kept: boolean
}

export interface Power {
  readonly image: string
  readonly initramfs: string
  /** The kernel's command line. */
  readonly append: string
  readonly disks: readonly Disk[]
  readonly memoryMib: number
  readonly processors: number
  /** Where the console is appended to. */
  readonly log: string
  /** Further arguments of QEMU's. */
  readonly more?: readonly string[]
  /** A person is at the first serial line. */
  readonly interactive?: boolean
}

export interface Emulator {
  /** What the agent says, line by line. */
  onSaid: (said: Said) => void
  readonly send: (text: string) => void
  /** Rejects as soon as the kernel reports something. */
  readonly trouble: Promise<never>
  /** Settles when the emulator has ended, however it ended. */
  readonly off: Promise<{ readonly code: number | null; readonly stderr: string }>
  /** Time of the last sign of life on either line, in ms. */
  readonly heardMs: () => number
  /** Last lines of the console. */
  readonly tail: () => readonly string[]
  /** The power goes: nothing is written any more. */
  readonly cut: () => Promise<void>
}

const program = 'qemu-system-x86_64'

function argumentsOf(power: Power, control: string): string[] {
  const quoted = (path: string) => path.replaceAll(',', ',,')
  const disks = power.disks.flatMap(({ name, path, kept }) => [
    '-drive',
    `if=none,id=${name},file=${quoted(path)},format=raw,cache=unsafe,aio=threads,` +
    `werror=report,rerror=report,snapshot=${kept ? 'off' : 'on'}`,
    '-device',
    `virtio-blk-pci,drive=${name},serial=${name}`,
  ])
  return [
    ...[
      '-accel',
      'tcg,thread=multi',
      '-cpu',
      'max',
      '-smp',
      String(power.processors),
      '-m',
      `${power.memoryMib}M`,
    ],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', power.image, '-initrd', power.initramfs, '-append', power.append],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=control,path=${control},server=on,wait=off`],
    ...['-serial', 'chardev:control'],
    ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net,romfile='],
    ...disks,
    ...(power.more ?? []),
  ]
}

/** Connects to the agent's line as soon as QEMU listens. */
async function dial(path: string, ended: () => boolean): Promise<Socket | undefined> {
  while (!ended()) {
    const socket = connect(path)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    if (await promise) return socket
    await sleep(50)
  }
  return undefined
}

/**
 * Switches a machine on.
 *
 * @throws {LabError} when QEMU is missing or refuses
 */
export async function powerOn(power: Power): Promise<Emulator> {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-lab-'))
  const control = join(directory, 'control')
  const child = spawn(program, argumentsOf(power, control), { stdio: ['pipe', 'pipe', 'pipe'] })
  const trouble = Promise.withResolvers<never>()
  const off = Promise.withResolvers<{ code: number | null; stderr: string }>()
  // Nobody may be waiting at the moment.
  trouble.promise.catch(() => undefined)
  const last: string[] = []
  let heard = performance.now()
  let stderr = ''
  let ended = false
  let missing: Error | undefined

  child.stdin.on('error', () => undefined)
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk))
  const readConsole = lines((line) => {
    const text = plain(line)
    if (text.trim() !== '') last.push(text)
    if (last.length > 25) last.shift()
    const report = troubleIn(text)
    if (report !== undefined) {
      trouble.reject(new LabError(`the kernel reported: ${report}`))
    }
  })
  child.stdout.on('data', (chunk: Buffer) => {
    heard = performance.now()
    // At once: whoever is told of a report shall find it there.
    appendFileSync(power.log, chunk)
    if (power.interactive) process.stdout.write(chunk)
    readConsole(chunk.toString('latin1'))
  })
  if (power.interactive) process.stdin.on('data', (chunk: Buffer) => child.stdin.write(chunk))
  child.on('error', (error) => (missing = error))
  child.on('close', (code) => {
    ended = true
    rmSync(directory, { recursive: true, force: true })
    off.resolve({ code, stderr: stderr.trim() })
  })

  const socket = await dial(control, () => ended)
  if (missing !== undefined) {
    throw new LabError(
      `Cannot start ${program}: there is no such program\n  ` +
        'apt-get install qemu-system-x86',
      { cause: missing },
    )
  }
  if (socket === undefined) throw new LabError(`${program} ended at once: ${stderr.trim()}`)
  const emulator: Emulator = {
    onSaid: () => undefined,
    send: (text) => void socket.write(text),
    trouble: trouble.promise,
    off: off.promise,
    heardMs: () => heard,
    tail: () => last,
    async cut() {
      child.kill('SIGKILL')
      await off.promise
    },
  }
  socket.on('error', () => undefined)
  const readAgent = lines((line) => emulator.onSaid(parseLine(line)))
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    heard = performance.now()
    readAgent(chunk)
  })
  return emulator
}
