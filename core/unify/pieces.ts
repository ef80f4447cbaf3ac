/**
 * Cuts much work into pieces. Pure.
 *
 * @module
 */

/**
 * Cuts items into pieces, in their order.
 *
 * @param weigh how much of a piece an item is: one that comes to 1 is full
 */
export function* cut<T>(
  items: Iterable<T>,
  weigh: (item: T) => number,
): Generator<readonly T[]> {
  let piece: T[] = []
  let weight = 0
  for (const item of items) {
    piece.push(item)
    weight += weigh(item)
    if (weight < 1) continue
    yield piece
    piece = []
    weight = 0
  }
  if (piece.length > 0) yield piece
}
