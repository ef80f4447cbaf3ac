/**
 * What the kernel's version tells. Pure.
 *
 * @module
 */

/**
 * Whether overlayfs takes detached layers, from the kernel's version: trying it where it does not work
 * would leave a line in the kernel log each time, and the other way works everywhere. Pure.
 */
export function takesDetachedLayers(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  return major > 6 || (major === 6 && minor >= 15)
}
