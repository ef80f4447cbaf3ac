/**
 * How a guest ended: `exit.json`, which the supervisor writes, or whoever cleans up after one that died.
 *
 * @module
 */
import { errors } from '../errors.ts'

export const exitReasons = ['exited', 'killed', 'poweroff', 'stopped', 'failed', 'lost'] as const
export type ExitReason = typeof exitReasons[number]

export interface Exit {
  readonly code: number | null
  readonly signal: number | null
  /** UTC, ISO 8601 with milliseconds. */
  readonly at: string
  readonly reason: ExitReason
}

/** The file's text, which `status --json` prints as it is. Pure. */
export function encodeExit(exit: Exit): string {
  const { code, signal, at, reason } = exit
  return JSON.stringify({ code, signal, at, reason })
}

/**
 * Parses exit.json. Pure.
 *
 * @throws {VServerError} E_FORMAT when it is not what the supervisor writes
 */
export function parseExit(text: string): Exit {
  const value = toObject(text)
  const { code, signal, at, reason } = value
  const known = exitReasons.find((candidate) => candidate === reason)
  if (
    known === undefined || typeof at !== 'string' || !isNumberOrNull(code) ||
    !isNumberOrNull(signal)
  ) throw errors.E_FORMAT('Cannot read exit.json: it is not what vserver writes')
  return { code, signal, at, reason: known }
}

/** `exited with 0 at 2026-11-23T14:00:00.000Z`. Pure. */
export function describeExit(exit: Exit): string {
  switch (exit.reason) {
    case 'exited':
      return `exited with ${exit.code ?? 0} at ${exit.at}`
    case 'killed':
      return `killed by signal ${exit.signal ?? 0} at ${exit.at}`
    case 'poweroff':
    case 'stopped':
    case 'failed':
    case 'lost':
      return `${exit.reason} at ${exit.at}`
    default:
      return exit.reason satisfies never
  }
}

function toObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch (cause) {
    throw errors.E_FORMAT('Cannot read exit.json: it is not JSON', { cause })
  }
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || Number.isSafeInteger(value)
}
