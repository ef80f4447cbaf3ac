/**
 * File names as the kernel knows them: bytes. A {@link ByteString} holds one byte in each of its code
 * units (0 to 255), so that names which are not UTF-8 survive and can still be keys of a Map. Pure.
 *
 * @module
 */
import { Buffer } from 'node:buffer'

/** A string whose code units are bytes. Never print one: {@link showName} does. */
export type ByteString = string

/** Longest path and longest component that the kernel takes, without the final NUL. */
export const PATH_BYTES = 4095
export const NAME_BYTES = 255

/** The bytes of an ordinary string, in UTF-8. */
export function byteString(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** The bytes of a name. Pure. */
export function toBytes(name: ByteString): Buffer {
  return Buffer.from(name, 'latin1')
}

/** Made when a name is shown: Node takes a while to load it. */
let utf8: TextDecoder | undefined

/** What a path can be shown as: UTF-8 where it is, `\xNN` for every control or stray byte. */
export function showName(name: ByteString): string {
  let text: string
  try {
    utf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    text = utf8.decode(toBytes(name))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // deno-lint-ignore no-control-regex
    return name.replace(/[\x00-\x1f\x7f-\xff\\]/g, hex)
  }
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\\]/gu, escape)
}

function hex(byte: string): string {
  return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function escape(character: string): string {
  return [...Buffer.from(character, 'utf8').toString('latin1')].map(hex).join('')
}

/** The directory part; empty for a member of the root. */
export function parentOf(path: ByteString): ByteString {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}

/** The last component. */
export function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The path of a name in a directory; the top directory is the empty path. Pure. */
export function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '' ? name : `${directory}/${name}`
}

/**
 * Brings a name from an archive into the writer's form: without `.` components and doubled or final
 * slashes. Refuses what would leave the tree, or no kernel takes.
 *
 * @returns the path, or why it is refused
 */
export function normalise(
  raw: ByteString,
): { readonly path: ByteString } | { readonly bad: string } {
  if (raw === '') return { bad: 'its name is empty' }
  if (raw.startsWith('/')) return { bad: 'its name is absolute' }
  if (raw.includes('\0')) return { bad: 'its name holds a NUL byte' }
  const parts = raw.split('/').filter((part) => part !== '' && part !== '.')
  for (const part of parts) {
    if (part === '..') return { bad: 'its name holds a ".." component' }
    if (part.length > NAME_BYTES) {
      return { bad: `its name has a component over ${NAME_BYTES} bytes` }
    }
  }
  const path = parts.join('/')
  return path.length > PATH_BYTES ? { bad: `its name is over ${PATH_BYTES} bytes` } : { path }
}
