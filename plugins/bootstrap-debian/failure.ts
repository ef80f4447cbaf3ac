/**
 * Errors of making a Debian tree, which name the source, and the package where there is one.
 *
 * @module
 */
import { errors, type VServerError } from '../../core/errors.ts'

export interface FailureInfo {
  readonly hint?: string
  readonly package?: string
  readonly url?: string
  readonly cause?: unknown
}

/** `Cannot use "debian:trixie": package "libc6": …` */
export function sourceFailure(
  source: string,
  detail: string,
  info: FailureInfo = {},
): VServerError {
  const { hint, cause, package: name, url } = info
  const where = name === undefined ? '' : `package "${name}": `
  return errors.E_SOURCE(`Cannot use "${source}": ${where}${detail}`, {
    hint,
    cause,
    details: {
      source,
      ...(name === undefined ? {} : { package: name }),
      ...(url === undefined ? {} : { url }),
    },
  })
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
