/**
 * Debian version numbers. Pure.
 *
 * @module
 * @see deb-version(7); Debian Policy 5.6.12
 */

/** Sorts before the end of a part (`~`), at it, as a letter, as anything else. */
function rank(character: string | undefined): number {
  if (character === undefined || /[0-9]/.test(character)) return 0
  if (character === '~') return -1
  const code = character.charCodeAt(0)
  return /[A-Za-z]/.test(character) ? code : code + 256
}

function comparePart(a: string, b: string): number {
  let i = 0
  let j = 0
  const digit = (text: string, at: number) => /[0-9]/.test(text[at] ?? '')
  while (i < a.length || j < b.length) {
    while ((i < a.length && !digit(a, i)) || (j < b.length && !digit(b, j))) {
      const difference = rank(a[i]) - rank(b[j])
      if (difference !== 0) return difference
      i++
      j++
    }
    const first = /^0*([0-9]*)/.exec(a.slice(i))
    const second = /^0*([0-9]*)/.exec(b.slice(j))
    const x = first?.[1] ?? ''
    const y = second?.[1] ?? ''
    if (x.length !== y.length) return x.length - y.length
    if (x !== y) return x < y ? -1 : 1
    i += first?.[0].length ?? 0
    j += second?.[0].length ?? 0
  }
  return 0
}

interface Version {
  readonly epoch: number
  readonly upstream: string
  readonly revision: string
}

function split(version: string): Version {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  return {
    epoch: colon < 0 ? 0 : Number.parseInt(version.slice(0, colon), 10),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  }
}

/** Whether dpkg would take it for a version at all. */
export function isVersion(text: string): boolean {
  return /^(?:[0-9]{1,9}:[0-9A-Za-z][A-Za-z0-9.+~:-]*|[0-9A-Za-z][A-Za-z0-9.+~-]*)$/.test(text)
}

/** Negative when `a` is older than `b`, 0 when they are equal, positive when it is newer. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0
  const x = split(a)
  const y = split(b)
  return x.epoch - y.epoch || comparePart(x.upstream, y.upstream) ||
    comparePart(x.revision, y.revision)
}

/** `<<`, `<=`, `=`, `>=`, `>>`; the old `<` and `>` mean `<=` and `>=`. */
export type Operator = '<<' | '<=' | '=' | '>=' | '>>'

/** Whether a version stands in this relation to another. */
export function satisfies(version: string, operator: Operator, wanted: string): boolean {
  const order = compareVersions(version, wanted)
  switch (operator) {
    case '<<':
      return order < 0
    case '<=':
      return order <= 0
    case '=':
      return order === 0
    case '>=':
      return order >= 0
    case '>>':
      return order > 0
    default:
      return operator satisfies never
  }
}
