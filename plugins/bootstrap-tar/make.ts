/**
 * The work behind `--from tar:FILE`: a template from an archive, plain or compressed with gzip, xz or zstd.
 *
 * @module
 */
import { realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { errors } from '../../core/errors.ts'
import { digestFile, readArchive } from '../../core/host/tree/archive.ts'
import { interrupted } from '../../core/host/tree/failure.ts'
import { idWords, readSource, type Source } from '../../core/host/tree/source.ts'
import { writeTree } from '../../core/host/tree/writer.ts'
import type { BootstrapContext } from '../../core/plugin/types.ts'

function openArchive(source: string): Source {
  const found = readSource(source, 'unpack')
  if (!found.stat.isFile()) {
    throw errors.E_SOURCE(`Cannot unpack "${source}": it is not a file`, {
      hint: found.stat.isDirectory() ? 'use --from dir:PATH for a directory' : undefined,
      details: { source },
    })
  }
  return found
}

/** See `Bootstrapper.id`. */
export async function id(source: string, { signal }: BootstrapContext): Promise<string> {
  const { path } = openArchive(source)
  const digest = await digestFile(path, signal).catch((error: unknown) => {
    if (signal.aborted) throw interrupted({ verb: 'unpack', thing: source })
    throw error
  })
  const name = basename(path).replace(/\.(tar(\.\w+)?|tgz|txz|tzst)$/i, '')
  return `${idWords(name)}-${digest.slice(0, 12)}`
}

/** See `Bootstrapper.make`. */
export async function make(
  source: string,
  destination: string,
  context: BootstrapContext,
): Promise<void> {
  const { session, signal, progress } = context
  const { path } = openArchive(source)
  await writeTree(session, realpathSync(destination), readArchive(path, { archive: source }), {
    deed: { verb: 'unpack', thing: source },
    origin: { path, kind: 'file', way: 'send' },
    signal,
    progress,
  })
}
