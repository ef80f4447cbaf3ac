/**
 * What `du` prints. Pure.
 *
 * @module
 */
import type { GuestUsage, OtherUsage, Usage } from '../guest/usage.ts'

/** One JSON value. The sum of all `exclusive`, `share` and `others` is `total`, when no names were given. */
export function usageJson({ guests, others, total, unreadable }: Usage): string {
  const value = {
    guests: guests.map(({ name, apparent, exclusive, shared, share }) => ({
      ...{ name, apparent, exclusive, shared, share },
    })),
    others: others.map(({ kind, name = null, bytes, inodes }) => ({ kind, name, bytes, inodes })),
    total,
    unreadable,
  }
  return `${JSON.stringify(value)}\n`
}

const COLUMNS = 80

/** Widths of the columns of figures. */
const widths = [9, 10, 11, 10, 10, 10]

const labels: Readonly<Record<OtherUsage['kind'], string>> = {
  guest: 'guest',
  template: 'unused template',
  layer: 'unused layer',
  leftover: 'left over',
  garbage: 'objects of the store that nothing uses',
  store: "the store's directories",
  cache: 'downloads that are kept',
  runtime: 'runtime of vserver',
  other: 'index, directories and other files',
}

/** @param usage without `others`: only the guests */
export function showUsage(
  { guests, others, total }: Omit<Usage, 'others'> & {
    readonly others: Usage['others'] | undefined
  },
): string {
  const titles = ['INODES', 'APPARENT', 'EXCLUSIVE', 'SHARED', 'SHARE', 'TAKES']
  const lines = [row('NAME (MiB)', titles), ...guests.map(guestRow)]
  if (others !== undefined) {
    const sorted = others.toSorted((a, b) => b.bytes - a.bytes)
    for (const { kind, name, bytes } of sorted) {
      if (bytes > 0) {
        lines.push(wide(name === undefined ? labels[kind] : `${labels[kind]} ${name}`, bytes))
      }
    }
    lines.push(wide('total', total.bytes))
  }
  return lines.map((line) => `${line}\n`).join('')
}

function guestRow({ name, apparent, exclusive, shared, share }: GuestUsage): string {
  const takes = exclusive.bytes + share.bytes
  const sizes = [apparent.bytes, exclusive.bytes, shared.bytes, share.bytes, takes]
  return row(name, [String(apparent.inodes), ...sizes.map(mebibytes)])
}

/** A name that is too long has a line for itself. */
function row(name: string, cells: readonly string[]): string {
  const figures = cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('')
  const line = figures.padStart(COLUMNS)
  const room = COLUMNS - figures.trimStart().length - 1
  return name.length > room ? `${name}\n${line}` : `${name}${line.slice(name.length)}`
}

function wide(label: string, bytes: number): string {
  const figure = mebibytes(bytes)
  const room = COLUMNS - figure.length - 1
  return label.length > room
    ? `${label}\n${figure.padStart(COLUMNS)}`
    : `${label}${figure.padStart(COLUMNS - label.length)}`
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
