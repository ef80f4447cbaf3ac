/**
 * Control data: stanzas of `Field: value` lines with continuations. Pure.
 *
 * @module
 * @see deb822(5)
 */

/** A stanza: fields by lower-case name, in their order. Continuation lines keep their line ends. */
export type Stanza = ReadonlyMap<string, Field>

export interface Field {
  /** As it is written. */
  readonly name: string
  readonly value: string
}

/**
 * Parses one stanza.
 *
 * @throws {SyntaxError} naming the line
 */
export function parseStanza(text: string): Stanza {
  const fields = new Map<string, Field>()
  let last: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    if (line.startsWith(' ') || line.startsWith('\t')) {
      const field = last === undefined ? undefined : fields.get(last)
      if (last === undefined || field === undefined) {
        throw new SyntaxError(`line ${index + 1} continues nothing`)
      }
      fields.set(last, { name: field.name, value: `${field.value}\n${line}` })
      continue
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon < 1 || !/^[!-9;-~]+$/.test(name)) {
      throw new SyntaxError(`line ${index + 1} is not "Field: value"`)
    }
    last = name.toLowerCase()
    if (fields.has(last)) throw new SyntaxError(`field "${name}" is given twice`)
    fields.set(last, { name, value: line.slice(colon + 1).trim() })
  }
  return fields
}

/** Parses stanzas parted by empty lines. @throws {SyntaxError} */
export function parseStanzas(text: string): readonly Stanza[] {
  return text.replaceAll('\r\n', '\n').split(/\n[ \t]*(?:\n[ \t]*)+/)
    .map(parseStanza).filter((stanza) => stanza.size > 0)
}

/** The value of a field, by any spelling of its name. */
export function fieldOf(stanza: Stanza, name: string): string | undefined {
  return stanza.get(name.toLowerCase())?.value
}

/** The non-empty lines of a field of several lines, trimmed. */
export function linesOf(value: string | undefined): readonly string[] {
  return (value ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== '')
}

/** The words of a field, in whatever way they are parted by blanks. */
export function wordsOf(value: string | undefined): readonly string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '')
}
