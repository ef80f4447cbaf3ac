/**
 * Time limits of tests, on machines that are slower than those that they were written on.
 *
 * @module
 */
import process from 'node:process'

/** `VSERVER_TEST_SLOW=20` gives every time limit twenty times its length, as emulators need. */
const factor = Number(process.env['VSERVER_TEST_SLOW'] ?? '1')

/** A time limit of a test's, on this machine. */
export function scaledMs(limitMs: number): number {
  return limitMs * factor
}
