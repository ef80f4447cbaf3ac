/**
 * What the kernel's version tells. Pure.
 *
 * @module
 */
import { errors } from '../errors.ts'

/**
 * Guests need overlayfs over idmapped layers, which came with 5.19; with less nothing is begun.
 *
 * @param what is not done then, in the manner of `create "web"`
 * @throws {VServerError} E_HOST that names the kernel, and the one that is needed
 */
export function requireKernel(version: string, what: string): void {
  const [major, minor] = numbersOf(version)
  if (major > 5 || (major === 5 && minor >= 19)) return
  throw errors.E_HOST(`Cannot ${what}: guests need Linux 6.1, and this is ${version}`, {
    hint: 'boot a kernel of 6.1 or newer (Debian 12, or its backports)',
  })
}

function numbersOf(version: string): readonly [number, number] {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return [major, minor]
}

/**
 * Whether overlayfs takes detached layers, from the kernel's version: trying it where it does not work
 * would leave a line in the kernel log each time, and the other way works everywhere. Pure.
 */
export function takesDetachedLayers(version: string): boolean {
  const [major, minor] = numbersOf(version)
  return major > 6 || (major === 6 && minor >= 15)
}
