/**
 * A machine of the lab: a host on a stock kernel that is switched on, asked to run commands, rebooted,
 * and whose power is cut. Whatever goes wrong is a {@link LabError} that says where its console is.
 *
 * @module
 */
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { freemem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { host, type HostName } from './hosts.ts'
import { kernel, type KernelName } from './kernel.ts'
import { inLab, LabError, run } from './places.ts'
import { request, type Said } from './protocol.ts'
import { type Disk, type Emulator, powerOn } from './qemu.ts'
import { testTree } from './tree.ts'

const MIB = 1 << 20

export interface MachineOptions {
  readonly host: HostName
  readonly kernel: KernelName
  /** What it is for; in the name of its console log. */
  readonly purpose: string
  /** The tree under test is at /lab/tree. */
  readonly tree?: boolean
  /** An image for /var/lib/vserver; it is changed. */
  readonly state?: string
  /** What is written to the root file system outlives the machine's power; else each boot is the first. */
  readonly kept?: boolean
  readonly memoryMib?: number
  /**
   * One when not given. Emulated processors now and then meet code that another is just patching (static
   * keys), which the kernel reports as `Oops: int3`, and stand still for longer than RCU waits.
   */
  readonly processors?: number
  /** Further words of the kernel's command line. */
  readonly append?: string
  readonly more?: readonly string[]
  /** How long a boot may take, and how long the machine may say nothing meanwhile. */
  readonly bootLimitS?: number
  readonly interactive?: boolean
}

export interface Answer {
  readonly code: number
  /** Both streams. */
  readonly output: string
}

export interface RunOptions {
  /** The command is killed then; one minute when not given. */
  readonly limitS?: number
  readonly onLine?: (line: string) => void
}

export interface Machine {
  readonly name: string
  /** Where everything is that the console showed. */
  readonly log: string
  /** From power-on until the agent answered, in s. */
  readonly bootS: () => number
  /** Switches it on (again, from the same disks) and waits for its agent. */
  readonly boot: () => Promise<void>
  /** Runs a shell script as root. */
  readonly run: (script: string, options?: RunOptions) => Promise<Answer>
  /** Runs a script that must end with 0; gives what it printed. */
  readonly must: (script: string, options?: RunOptions) => Promise<string>
  /** Asks the host to go off, and waits. */
  readonly powerOff: () => Promise<void>
  /** An orderly restart. */
  readonly reboot: () => Promise<void>
  /** Takes the power away, now. */
  readonly cut: () => Promise<void>
  /** Starts a script and takes the power away after so many ms, whatever the script has come to. */
  readonly cutDuring: (script: string, ms: number) => Promise<void>
  /** Switches off and forgets the disks. @throws {LabError} when the kernel had something to report */
  readonly end: () => Promise<void>
  /** Settles when the machine is off. */
  readonly off: () => Promise<unknown>
}

let count = 0

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Prepares a machine; it is off. */
export async function machine(options: MachineOptions): Promise<Machine> {
  const name = `${options.host} ${options.kernel}`
  const memoryMib = options.memoryMib ?? 2048
  const log = inLab('logs', `${options.host}-${options.kernel}-${options.purpose}.console.log`)
  mkdirSync(inLab('logs'), { recursive: true })
  rmSync(log, { force: true })
  const [stock, place] = [await kernel(options.kernel), await host(options.host)]
  const scratch = inLab(`machine-${process.pid}-${++count}`)
  mkdirSync(scratch)
  const kept = options.kept === true
  const root = kept ? `${scratch}/root` : place.image
  if (kept) await run('copy a disk', ['cp', '--sparse=always', place.image, root])
  const disks: Disk[] = [
    { name: 'root', path: root, kept },
    { name: 'modules', path: stock.modules, kept: false },
    { name: 'tree', path: await testTree(), kept: false },
  ]
  if (options.state !== undefined) disks.push({ name: 'state', path: options.state, kept: true })
  const append = [
    'console=ttyS0 panic=-1 printk.time=1 loglevel=5 kfence.sample_interval=100',
    // An emulated processor may stand still for a while where the real ones are busy.
    'rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60',
    `lab.init=${place.init}`,
    options.tree === true ? 'lab.tree' : '',
    options.interactive === true ? 'lab.shell' : '',
    options.append ?? '',
  ].filter((word) => word !== '').join(' ')

  let emulator: Emulator | undefined
  let bootS = 0
  let number = 0
  let trouble: unknown
  let hear: (said: Said) => void = () => undefined

  /** Adds what a person needs to find out why. */
  const explain = (message: string): LabError => {
    const tail = (emulator?.tail() ?? []).map((line) => `\n  | ${line}`).join('')
    return new LabError(`${name}: ${message}\n  the console is in ${log}${tail}`)
  }

  /** Waits for something that the agent says; all that can go wrong meanwhile ends it. */
  const until = async <T>(
    what: string,
    limitS: number,
    take: (said: Said, done: (value: T) => void) => void,
  ): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>()
    const running = emulator
    if (running === undefined) throw new LabError(`${name}: it is off`)
    if (trouble !== undefined) {
      throw new LabError(`${name}: it is not asked after ${messageOf(trouble)}`)
    }
    hear = (said) => take(said, resolve)
    const timer = new AbortController()
    const late = async (): Promise<never> => {
      await sleep(limitS * 1000, undefined, { signal: timer.signal })
      const silentS = Math.round((performance.now() - running.heardMs()) / 1000)
      throw new LabError(
        `${what} did not end within ${limitS} s; the last word of the machine is ` +
          `${silentS} s old`,
      )
    }
    const dead = async (): Promise<never> => {
      const { code, stderr } = await running.off
      // The report may be in the same chunk as the end.
      await Promise.race([running.trouble, sleep(100)])
      throw new LabError(
        `the machine, which has ${memoryMib} MiB of memory, went off (QEMU: ${code}${
          stderr && `, ${stderr}`
        }) ` +
          `while ${what} was to end`,
      )
    }
    try {
      return await Promise.race([promise, running.trouble, late(), dead()])
    } catch (error) {
      throw error instanceof LabError ? explain(error.message) : error
    } finally {
      timer.abort()
      hear = () => undefined
    }
  }

  const self: Machine = {
    name,
    log,
    bootS: () => bootS,
    async boot() {
      const free = Math.floor(freemem() / MIB)
      if (free < memoryMib) {
        throw new LabError(
          `${name}: too little memory: it needs ${memoryMib} MiB, and ${free} are free`,
        )
      }
      const started = performance.now()
      appendFileSync(log, `--- power on: ${append}\n`)
      emulator = await powerOn({
        image: stock.image,
        initramfs: stock.initramfs,
        append,
        disks,
        memoryMib,
        processors: options.processors ?? 1,
        log,
        more: options.more ?? [],
        interactive: options.interactive === true,
      })
      emulator.onSaid = (said) => hear(said)
      emulator.trouble.catch((error: unknown) => (trouble ??= error))
      const release = await until<string>('the boot', options.bootLimitS ?? 120, (said, done) => {
        if (said.kind === 'ready') done(said.release)
      })
      if (release !== stock.release) throw explain(`it runs Linux ${release}, not ${stock.release}`)
      bootS = (performance.now() - started) / 1000
    },
    async run(script, { limitS = 60, onLine } = {}) {
      const own = ++number
      const output: string[] = []
      emulator?.send(request(own, script, limitS))
      const first = script.trim().split('\n')[0]
      const code = await until<number>(`"${first}"`, limitS + 30, (said, done) => {
        if (said.kind === 'line' && said.number === own) {
          output.push(said.text)
          onLine?.(said.text)
        } else if (said.kind === 'end' && said.number === own) done(said.code)
      })
      return { code, output: output.map((line) => `${line}\n`).join('') }
    },
    async must(script, settings) {
      const { code, output } = await self.run(script, settings)
      if (code === 0) return output
      const late = code === 137 ? `, killed after ${settings?.limitS ?? 60} s` : ''
      throw explain(`"${script.trim()}" ended with ${code}${late}: ${output}`)
    },
    async powerOff() {
      emulator?.send(request(++number, place.powerOff, 60))
      await settle('the power-off')
    },
    async reboot() {
      emulator?.send(request(++number, place.reboot, 60))
      await settle('the reboot')
      await self.boot()
    },
    async cut() {
      await emulator?.cut()
      emulator = undefined
      if (trouble !== undefined) throw explained(trouble)
    },
    async cutDuring(script, ms) {
      emulator?.send(request(++number, script, 3600))
      await sleep(ms)
      await self.cut()
    },
    async end() {
      await emulator?.cut()
      rmSync(scratch, { recursive: true, force: true })
      const seen = trouble === undefined ? undefined : explained(trouble)
      emulator = undefined
      if (seen !== undefined) throw seen
    },
    off: async () => await emulator?.off,
  }

  const explained = (error: unknown) => explain(messageOf(error))

  /** Waits until the machine is off by its own will. */
  const settle = async (what: string) => {
    const running = emulator
    if (running === undefined) throw new LabError(`${name}: it is off`)
    const limit = new AbortController()
    const late = async () => {
      await sleep(90_000, undefined, { signal: limit.signal })
      throw new LabError(`${what} did not end within 90 s`)
    }
    try {
      await Promise.race([running.off, running.trouble, late()])
    } catch (error) {
      throw explained(error)
    } finally {
      limit.abort()
    }
    emulator = undefined
  }
  return self
}

/** Does a deed with a machine that is on, and ends it however the deed ends. */
export async function withMachine<T>(
  options: MachineOptions,
  deed: (machine: Machine) => Promise<T>,
): Promise<T> {
  const one = await machine(options)
  try {
    await one.boot()
    const result = await deed(one)
    await one.end()
    return result
  } catch (error) {
    // The first error is the one to show.
    await one.end().catch(() => undefined)
    throw error
  }
}
