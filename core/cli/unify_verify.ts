/**
 * `vserver unify --verify`: reads all that is shared again.
 *
 * @module
 */
import { readHostConfig } from '../guest/host_config.ts'
import { listTrees } from '../guest/unify.ts'
import { withIndex } from '../unify/index_file.ts'
import { type Verified, verifyStore } from '../unify/verify.ts'
import type { Cli } from './types.ts'
import { showVerified, verifiedJson } from './unified.ts'
import { excludesOf, indexPlace, progressOf, type UnifyHost } from './unify_all.ts'

/**
 * Verifies every store; the caller holds the lock of unification.
 *
 * @returns 1 when something is damaged and could not be repaired
 */
export async function verifyAll(
  cli: Cli,
  { session, stores, registry }: UnifyHost,
): Promise<number> {
  const { exclude: excludes } = readHostConfig(cli.root).unify
  const { groups } = listTrees(cli.root, {
    ...{ stores, excludes },
    excludesOf: (guest) => excludesOf(guest, registry),
    stopped: [],
  })
  const all: Verified[] = []
  for (const { place, trees } of groups) {
    const { store } = place
    const request = { trees, store, signal: cli.signal, progress: progressOf(cli) }
    all.push(
      await withIndex(
        indexPlace(cli, place),
        (index) => verifyStore(session, { ...request, index }),
      ),
    )
  }
  cli.out.endProgress()
  const verified: Verified = {
    objects: all.reduce((sum, { objects }) => sum + objects, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    damaged: all.flatMap(({ damaged }) => damaged),
  }
  if (cli.globals.json) cli.out.print(verifiedJson(verified))
  else if (!cli.globals.quiet || verified.damaged.length > 0) cli.out.print(showVerified(verified))
  return verified.damaged.every(({ repaired }) => repaired) ? 0 : 1
}
