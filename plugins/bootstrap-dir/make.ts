/**
 * The work behind `--from dir:PATH`: a template from a directory tree of the host, copied exactly.
 *
 * @module
 */
import { realpathSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { errors } from '../../core/errors.ts'
import { digestTree } from '../../core/host/tree/digest.ts'
import { interrupted } from '../../core/host/tree/failure.ts'
import { scanTree } from '../../core/host/tree/scan.ts'
import {
  idWords,
  isWithin,
  readSource,
  type Source,
  stateDirectoryAbove,
} from '../../core/host/tree/source.ts'
import { writeTree } from '../../core/host/tree/writer.ts'
import type { BootstrapContext } from '../../core/plugin/types.ts'

function openTree(source: string): Source {
  const found = readSource(source, 'copy')
  if (!found.stat.isDirectory()) {
    throw errors.E_SOURCE(`Cannot copy "${source}": it is not a directory`, {
      hint: 'use --from tar:FILE for an archive',
      details: { source },
    })
  }
  const state = stateDirectoryAbove(found.path)
  if (state !== undefined) {
    throw errors.E_SOURCE(`Cannot copy "${source}": it lies in the state directory "${state}"`, {
      hint: 'vserver clone copies a guest',
      details: { source, state },
    })
  }
  return found
}

/** See `Bootstrapper.id`. */
export async function id(source: string, { signal }: BootstrapContext): Promise<string> {
  const { path } = openTree(source)
  const digest = await digestTree(path, signal).catch((error: unknown) => {
    if (signal.aborted) throw interrupted({ verb: 'copy', thing: source })
    if (!(error instanceof Error) || !('code' in error)) throw error
    throw errors.E_SOURCE(`Cannot copy "${source}": ${error.message}`, {
      details: { source },
      cause: error,
    })
  })
  return `${idWords(basename(path))}-${digest.slice(0, 12)}`
}

/** See `Bootstrapper.make`. */
export async function make(
  source: string,
  destination: string,
  context: BootstrapContext,
): Promise<void> {
  const { session, signal, progress } = context
  const { path, stat } = openTree(source)
  const target = realpathSync(destination)
  if (isWithin(target, path)) {
    throw errors.E_SOURCE(`Cannot copy "${source}": the copy would lie in it, at "${target}"`, {
      hint: 'move the state directory elsewhere with --root, or copy a smaller directory',
      details: { source, target },
    })
  }
  // One device is one file system, because nothing below a mount point of the source is copied.
  const way = statSync(target).dev === stat.dev ? 'range' : 'send'
  await writeTree(session, target, scanTree(path, session), {
    deed: { verb: 'copy', thing: source },
    origin: { path, kind: 'directory', way },
    signal,
    progress,
  })
}
