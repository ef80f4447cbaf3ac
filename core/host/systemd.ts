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
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { errors } from '../errors.ts'

const paths = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

/** Whether the host's init is systemd (sd_booted(3)). */
export function hostRunsSystemd(): boolean {
  return existsSync('/run/systemd/system')
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { env: paths, encoding: 'utf8' })
  if (status === 0) return stdout
  throw errors.E_HOST(
    `Cannot delegate a cgroup: ${command} ${args.join(' ')} failed: ` +
      (error?.message ?? stderr.trim()),
    { hint: 'look at systemctl status; vserver needs a unit of its own on a systemd host', cause: error },
  )
}

/**
 * The cgroup of the unit, below the cgroup2 mount: `/system.slice/vserver-8a5edab.service`. Starts the
 * unit when it is not active.
 *
 * @throws {VServerError} E_HOST when systemd refuses
 */
export function delegatedCgroup(unit: string): string {
  const find = () =>
    run('systemctl', ['show', '--value', '--property=ControlGroup', `${unit}.service`]).trim()
  const found = find()
  if (found !== '') return found
  run('systemd-run', [
    `--unit=${unit}`,
    '--description=vserver guests',
    '--property=Type=oneshot',
    '--property=RemainAfterExit=yes',
    '--property=Delegate=yes',
    '--property=KillMode=process',
    '--property=TasksMax=infinity',
    '/bin/true',
  ])
  return find()
}
