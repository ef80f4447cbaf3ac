/**
 * The work behind `--from guest:NAME`: a template that is a full copy of another guest, with everything that it has
 * written. `vserver clone` shares the files instead.
 *
 * @module
 */
import { errors } from '../../core/errors.ts'
import { digestTree } from '../../core/host/tree/digest.ts'
import { interrupted } from '../../core/host/tree/failure.ts'
import { scanTree } from '../../core/host/tree/scan.ts'
import { idWords } from '../../core/host/tree/source.ts'
import { writeTree } from '../../core/host/tree/writer.ts'
import type { BootstrapContext, GuestTree } from '../../core/plugin/types.ts'

/** Lends the tree of a guest. */
async function withTree<T>(
  name: string,
  { openGuest }: BootstrapContext,
  deed: (tree: GuestTree) => Promise<T>,
): Promise<T> {
  if (openGuest === undefined) {
    throw errors.E_SOURCE(`Cannot copy "guest:${name}": there are no guests here`, {
      details: { source: name },
    })
  }
  const tree = await openGuest(name)
  try {
    return await deed(tree)
  } finally {
    await tree.close()
  }
}

/** See `Bootstrapper.id`. */
export function id(name: string, context: BootstrapContext): Promise<string> {
  const { signal } = context
  return withTree(name, context, async ({ path }) => {
    const digest = await digestTree(path, signal).catch((error: unknown) => {
      if (signal.aborted) throw interrupted({ verb: 'copy', thing: `guest:${name}` })
      throw error
    })
    return `${idWords(name)}-${digest.slice(0, 12)}`
  })
}

/** See `Bootstrapper.make`. */
export function make(name: string, destination: string, context: BootstrapContext): Promise<void> {
  const { session, signal, progress } = context
  return withTree(name, context, async ({ path }) => {
    await writeTree(session, destination, scanTree(path, session), {
      deed: { verb: 'copy', thing: `guest:${name}` },
      origin: { path, kind: 'directory', way: 'send' },
      signal,
      progress,
    })
  })
}
