/**
 * Plots that a terminal shows. Pure.
 *
 * @module
 */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Axes {
  /** What y is, with its unit. */
  readonly y: string
  /** What x is. */
  readonly x: string
}

const width = 60
const height = 12

/** Slope of the straight line through the origin that is nearest to the points (least squares). */
export function slope(points: readonly Point[]): number {
  const over = points.reduce((sum, { x, y }) => sum + x * y, 0)
  return over / points.reduce((sum, { x }) => sum + x * x, 0)
}

/**
 * Draws points as `*`, over the straight line through the origin that is nearest to them, as `.`: what grows
 * in proportion lies on the line.
 *
 * @returns lines of text, the uppermost first
 */
export function plot(points: readonly Point[], axes: Axes): readonly string[] {
  const rise = slope(points)
  const mostX = Math.max(...points.map(({ x }) => x))
  const mostY = Math.max(rise * mostX, ...points.map(({ y }) => y))
  const grid = Array.from({ length: height }, () => Array<string>(width).fill(' '))
  const draw = (x: number, y: number, sign: string) => {
    const row = grid[height - 1 - Math.round((y / mostY) * (height - 1))]
    if (row !== undefined) row[Math.round((x / mostX) * (width - 1))] = sign
  }
  for (let column = 0; column < width; column++) {
    const x = (column / (width - 1)) * mostX
    draw(x, rise * x, '.')
  }
  for (const { x, y } of points) draw(x, y, '*')
  const label = (row: number) => {
    if (row === 0) return brief(mostY)
    return row === height - 1 ? '0' : ''
  }
  return [
    axes.y,
    ...grid.map((row, index) => `${label(index).padStart(7)} |${row.join('').trimEnd()}`),
    `${' '.repeat(8)}+${'-'.repeat(width)}`,
    `${' '.repeat(9)}0${brief(mostX).padStart(width - 1)}  ${axes.x}`,
  ]
}

const brief = (value: number) => value.toFixed(value < 10 ? 1 : 0)
