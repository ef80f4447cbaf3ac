/**
 * The unit that guests live under on a host whose init is systemd. Without one, a guest started by hand
 * would belong to a login session and end with it, and systemd would feel free to move its cgroups.
 *
 * The unit is transient: it needs no file, and a host that never starts a guest never has it. With
 * `Delegate=yes` systemd leaves what is below it alone; with `KillMode=process` stopping it kills no guest.
 *
 * @module
 * @see systemd.resource-control(5), systemd.kill(5), systemd-run(1)
 */
import { existsSync } from 'node:fs'
import process from 'node:process'
import { errors } from '../errors.ts'

const paths = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** Whether the host's init is systemd (sd_booted(3)). */
export function hostRunsSystemd(): boolean {
  return existsSync('/run/systemd/system')
}

function run(command: string, args: readonly string[]): string {
  // Loaded late: other hosts do without.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: paths,
    encoding: 'utf8',
  })
  if (status === 0) return stdout
  throw errors.E_HOST(
    `Cannot delegate a cgroup: ${command} ${args.join(' ')} failed: ` +
      (error?.message ?? stderr.trim()),
    {
      hint: 'look at systemctl status; vserver needs a unit of its own on a systemd host',
      cause: error,
    },
  )
}

/** The unit's cgroup, below the cgroup2 mount, and the process that keeps systemd from removing it. */
export interface DelegatedCgroup {
  readonly path: string
  readonly holder: number
}

/**
 * Finds the unit, or starts it. systemd removes the cgroup of a unit in which nothing runs, so a `sleep`
 * holds it; when that is killed, guests go on, and the next start begins a new unit.
 *
 * @throws {VServerError} E_HOST when systemd refuses
 */
export function delegatedCgroup(unit: string): DelegatedCgroup {
  const property = (name: string) =>
    run('systemctl', ['show', '--value', `--property=${name}`, `${unit}.service`]).trim()
  if (property('ActiveState') !== 'active') {
    run('systemd-run', [
      `--unit=${unit}`,
      '--description=vserver guests',
      '--collect',
      '--property=Delegate=yes',
      '--property=KillMode=process',
      '--property=TasksMax=infinity',
      'sleep',
      'infinity',
    ])
  }
  return { path: property('ControlGroup'), holder: Number(property('MainPID')) }
}

/** Ends the unit, and with it the cgroup, once no guest is left. Does nothing where there is none. */
export function endDelegation(unit: string): void {
  run('systemctl', ['stop', '--quiet', `${unit}.service`])
}
