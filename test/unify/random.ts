/**
 * Numbers that look random and are the same for the same seed.
 *
 * @module
 */
export interface Random {
  /** From 0 to below `bound`. */
  below(bound: number): number
  chance(probability: number): boolean
  of<T>(all: readonly [T, ...T[]]): T
}

/** The generator "mulberry32". */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    below,
    chance: (probability) => next() < probability,
    of: (all) => all[below(all.length)] ?? all[0],
  }
}
