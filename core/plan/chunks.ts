/**
 * A queue of bytes that come in chunks and are wanted in other pieces.
 *
 * @module
 */

export interface ChunkQueue {
  /** How many bytes are there. */
  readonly length: number
  push(chunk: Uint8Array): void
  /**
   * Takes `count` bytes into a buffer of their own.
   *
   * @throws {RangeError} when there are fewer
   */
  take(count: number): Uint8Array<ArrayBuffer>
}

/** Makes an empty queue. Chunks are kept, not copied, until they are taken. */
export function chunkQueue(): ChunkQueue {
  let chunks: Uint8Array[] = []
  let length = 0
  return {
    get length() {
      return length
    },
    push(chunk) {
      chunks.push(chunk)
      length += chunk.length
    },
    take(count) {
      const result = new Uint8Array(count)
      let filled = 0
      let used = 0
      while (filled < count) {
        const chunk = chunks[used]
        if (!chunk) throw new RangeError('more bytes taken than there are')
        const part = chunk.subarray(0, count - filled)
        result.set(part, filled)
        filled += part.length
        if (part.length < chunk.length) chunks[used] = chunk.subarray(part.length)
        else used++
      }
      chunks = chunks.slice(used)
      length -= count
      return result
    },
  }
}
