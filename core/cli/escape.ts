/**
 * Makes what a guest wrote harmless for the terminal of whoever looks at it: a guest must not move the
 * host's cursor, retitle its window or answer its queries. Pure.
 *
 * Line feeds and tabs stay; carriage returns at the end of a line and changes of colour go; every other
 * control character, C1 included, and every byte that is no UTF-8 becomes `\xNN`.
 */
export function escapeForTerminal(bytes: Uint8Array): string {
  let shown = ''
  let index = 0
  while (index < bytes.length) {
    const byte = bytes[index] ?? 0
    if (byte < 0x80) {
      index++
      if (byte === 0x0d && endsLine(bytes, index)) continue
      const colour = byte === 0x1b ? colourLength(bytes, index) : 0
      if (colour > 0) {
        index += colour
        continue
      }
      const plain = byte === 0x0a || byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)
      shown += plain ? String.fromCharCode(byte) : escaped(byte)
      continue
    }
    const length = sequenceLength(bytes, index)
    const character = length === 0
      ? ''
      : new TextDecoder().decode(bytes.subarray(index, index + length))
    const code = character.codePointAt(0) ?? 0xfffd
    // Bidirectional controls would show text in an order that it does not have.
    const hidden = code < 0xa0 || (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069)
    if (length === 0 || character.length === 0 || code === 0xfffd || hidden) {
      const end = index + Math.max(1, length)
      while (index < end) shown += escaped(bytes[index++] ?? 0)
    } else {
      shown += character
      index += length
    }
  }
  return shown
}

/** Whether nothing but carriage returns stands before the end of the line. */
function endsLine(bytes: Uint8Array, from: number): boolean {
  let index = from
  while (bytes[index] === 0x0d) index++
  return index === bytes.length || bytes[index] === 0x0a
}

/** Bytes of `[…m`, which sets colours and nothing else (ECMA-48, SGR); 0 when it is not that. */
function colourLength(bytes: Uint8Array, from: number): number {
  if (bytes[from] !== 0x5b) return 0
  let index = from + 1
  while ((bytes[index] ?? 0) >= 0x30 && (bytes[index] ?? 0) <= 0x3b) index++
  return bytes[index] === 0x6d ? index + 1 - from : 0
}

function escaped(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`
}

/** Bytes of the UTF-8 sequence that starts here; 0 when none does. */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index] ?? 0
  const length = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0
  if (length === 0 || lead >= 0xf5 || index + length > bytes.length) return 0
  for (let next = 1; next < length; next++) {
    if (((bytes[index + next] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}
