import { compileSteps } from '../context/step.ts'
import type { Session } from '../plan/session.ts'
import { attachDevicePolicy } from './device_policy.ts'
import { type CgroupHost, guestCgroup } from './layout.ts'
import { makeParents, removeParents } from './steps.ts'

/**
 * Makes what all guests of a state directory share in the cgroup hierarchies, and the policy on it. It
 * stays until the host reboots; doing it again changes nothing.
 *
 * @throws {OpFailure} naming the directory that could not be made
 */
export async function prepareCgroups(
  session: Session,
  host: CgroupHost,
  guest: { readonly name: string; readonly digest6: string },
): Promise<void> {
  const group = guestCgroup(host, guest)
  await session.run(compileSteps(guest.name, [makeParents(group), attachDevicePolicy(group)]))
}

/** Undoes {@link prepareCgroups} when the last guest is gone; what is in use stays. */
export async function releaseCgroups(
  session: Session,
  host: CgroupHost,
  digest6: string,
): Promise<void> {
  const name = 'all guests'
  await session.run(compileSteps(name, [removeParents(guestCgroup(host, { name, digest6 }))]))
}
