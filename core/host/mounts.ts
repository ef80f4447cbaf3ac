/**
 * What is mounted where, by the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). Pure.
 *
 * @module
 */

export interface MountEntry {
  readonly point: string
  readonly options: readonly string[]
}

/** All mounts, each later one on top of those before it. */
export function parseMounts(mountinfo: string): readonly MountEntry[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , , , rawPoint, rawOptions] = line.split(' ')
    if (rawPoint === undefined || rawOptions === undefined) return []
    const point = rawPoint.replaceAll(
      /\\([0-7]{3})/g,
      (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)),
    )
    return [{ point, options: rawOptions.split(',') }]
  })
}

/** The mount that a path lies on. */
export function mountOf(mountinfo: string, path: string): MountEntry | undefined {
  let best: MountEntry | undefined
  for (const mount of parseMounts(mountinfo)) {
    const { point } = mount
    const inside = point === '/' || path === point || path.startsWith(`${point}/`)
    if (inside && point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}
