/**
 * How errors are shown: the one place where they are printed.
 *
 * @module
 */
import { errors, VServerError } from '../errors.ts'
import { fromSession } from '../host/failure.ts'
import { verbs } from '../guest/verbs.ts'
import { fullDiskHint, noRoomCode } from '../host/full_disk.ts'

/** The text of an error on stderr. Pure. */
export function renderError(
  error: VServerError,
  { json, root }: { json: boolean; root?: string | undefined },
): string {
  const { code, message, details } = error
  const hint = error.hint === undefined ? undefined : withRoot(error.hint, root)
  if (json) {
    const body = { code, message, hint: hint ?? null, details: details ?? null }
    return `${JSON.stringify({ error: body })}\n`
  }
  return `vserver: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`
}

/** The commands of a hint are for the same root: `vserver VERB` becomes `vserver --root DIR VERB`. Pure. */
export function withRoot(hint: string, root: string | undefined): string {
  if (root === undefined || root === '' || root === '/') return hint
  return hint.replaceAll(
    /\bvserver ([a-z]+)/g,
    (command, verb: string) => verbs.has(verb) ? `vserver --root ${root} ${verb}` : command,
  )
}

/** Makes an error of ours of anything that was thrown. Pure. */
export function toVServerError(thrown: unknown, context: { interrupted: boolean }): VServerError {
  if (context.interrupted && !(thrown instanceof VServerError && thrown.code === 'E_INTERRUPTED')) {
    return errors.E_INTERRUPTED('Cannot finish: interrupted; what was half-made is gone', {
      cause: thrown,
    })
  }
  if (thrown instanceof VServerError) return thrown
  const session = fromSession(thrown)
  if (session !== undefined) return session
  if (!(thrown instanceof Error)) {
    return errors.E_OP(`Cannot go on: ${String(thrown)}`, { cause: thrown })
  }
  return fromSystemError(thrown) ??
    errors.E_OP(`Cannot go on: ${thrown.message}`, { cause: thrown })
}

/** A failed call of Node's file system functions, in our words. */
function fromSystemError(error: Error): VServerError | undefined {
  const code = 'code' in error ? error.code : undefined
  const path = 'path' in error ? error.path : undefined
  const call = 'syscall' in error ? error.syscall : undefined
  if (typeof code !== 'string' || typeof call !== 'string') return undefined
  const where = typeof path === 'string' ? ` "${path}"` : ''
  const message = `Cannot ${call}${where}: it failed with ${code}`
  const noRoom = noRoomCode(error)
  const info = { details: { path: path ?? null, errno: noRoom ?? code }, cause: error }
  if (noRoom !== undefined) {
    return errors.E_DISK_FULL(`Cannot ${call}${where}: no space is left`, {
      ...info,
      hint: fullDiskHint,
    })
  }
  switch (code) {
    case 'EROFS':
      return errors.E_STATE_DIR(`Cannot write${where}: the file system is mounted read-only`, {
        ...info,
        hint: 'mount it read-write, or keep the state elsewhere with --root',
      })
    default:
      return errors.E_OP(message, info)
  }
}
