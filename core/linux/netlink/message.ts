/**
 * Netlink messages: headers, attributes, alignment, and holes for values that are known only when
 * the plan runs (a namespace's descriptor, an interface's index). Pure.
 *
 * ```ts
 * const { bytes, holes } = encodeRequests([setLink({ name: 'v1' }, { namespace: hole('guest') })])
 * const cell = data(bytes)
 * for (const place of holes.get('guest') ?? []) program.put(cell, place, namespaceDescriptor)
 * program.emit('NETLINK', [socket, cell])
 * ```
 *
 * @module
 */
import { NLM_F_ACK, NLM_F_REQUEST } from '../constants.ts'
import type { Place } from '../struct.ts'
import { nlattr, nlmsghdr } from './structs.ts'
import { encodeUtf8 } from '../text.ts'

const ALIGNMENT = 4

/** A 32-bit value that is stored when the plan runs. */
export interface Hole {
  readonly hole: string
}

/** Names a value that is stored when the plan runs. */
export function hole(name: string): Hole {
  return { hole: name }
}

/** A 32-bit value: known, or a hole. */
export type Word = number | Hole

/** Bytes, and holes in them at byte offsets. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly holes: readonly { readonly hole: string; readonly offset: number }[]
}

/** A message without its netlink header. */
export interface Message {
  /** RTM_*. */
  readonly type: number
  /** NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number
  readonly body: Chunk
}

/** Whether a value is a hole. */
export function isHole(word: Word): word is Hole {
  return typeof word === 'object'
}

/** Joins chunks, each starting at a multiple of four. Pure. */
export function join(chunks: readonly Chunk[]): Chunk {
  const align = (size: number) => Math.ceil(size / ALIGNMENT) * ALIGNMENT
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + align(chunk.bytes.length), 0))
  const holes: { hole: string; offset: number }[] = []
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk.bytes, at)
    for (const { hole, offset } of chunk.holes) holes.push({ hole, offset: at + offset })
    at += align(chunk.bytes.length)
  }
  return { bytes, holes }
}

/** Bytes without holes. */
export function chunk(bytes: Uint8Array): Chunk {
  return { bytes, holes: [] }
}

/** A fixed header whose field at `place` may be a hole. Pure. */
export function header(bytes: Uint8Array, word: Word, place: Place): Chunk {
  return { bytes, holes: isHole(word) ? [{ hole: word.hole, offset: place.offset }] : [] }
}

/** An attribute of any bytes. Pure. */
export function attribute(type: number, value: Uint8Array | Chunk): Chunk {
  const inner = value instanceof Uint8Array ? chunk(value) : value
  const head = nlattr.encode({ nla_len: nlattr.size + inner.bytes.length, nla_type: type })
  const bytes = new Uint8Array(head.length + inner.bytes.length)
  bytes.set(head)
  bytes.set(inner.bytes, head.length)
  return {
    bytes,
    holes: inner.holes.map(({ hole, offset }) => ({ hole, offset: offset + head.length })),
  }
}

/** A text that ends in a NUL (IFLA_IFNAME, IFA_LABEL). Pure. */
export function textAttribute(type: number, value: string): Chunk {
  return attribute(type, encodeUtf8(`${value}\0`))
}

/** An 8-bit number. Pure. */
export function byteAttribute(type: number, value: number): Chunk {
  return attribute(type, Uint8Array.of(value))
}

/** A 16-bit number, little-endian. Pure. */
export function shortAttribute(type: number, value: number): Chunk {
  return attribute(type, Uint8Array.of(value & 0xff, value >> 8))
}

/** A 32-bit number, or a hole for one. Pure. */
export function wordAttribute(type: number, value: Word): Chunk {
  const bytes = new Uint8Array(4)
  if (isHole(value)) return attribute(type, { bytes, holes: [{ hole: value.hole, offset: 0 }] })
  new DataView(bytes.buffer).setUint32(0, value, true)
  return attribute(type, bytes)
}

/** An attribute that holds attributes. Pure. */
export function nest(type: number, attributes: readonly Chunk[]): Chunk {
  return attribute(type, join(attributes))
}

/** Requests ready to be sent: one run of bytes, and where its holes lie. */
export interface Requests {
  readonly bytes: Uint8Array
  readonly holes: ReadonlyMap<string, readonly Place[]>
}

/** Encodes requests, each to be acknowledged, numbered from 1. Pure. */
export function encodeRequests(messages: readonly Message[]): Requests {
  const all = join(messages.map(({ type, flags, body }, index) => {
    const head = nlmsghdr.encode({
      nlmsg_len: nlmsghdr.size + body.bytes.length,
      nlmsg_type: type,
      nlmsg_flags: NLM_F_REQUEST | NLM_F_ACK | flags,
      nlmsg_seq: index + 1,
    })
    return join([chunk(head), body])
  }))
  const holes = new Map<string, Place[]>()
  for (const { hole, offset } of all.holes) {
    holes.set(hole, [...holes.get(hole) ?? [], { offset, width: 4 }])
  }
  return { bytes: all.bytes, holes }
}
