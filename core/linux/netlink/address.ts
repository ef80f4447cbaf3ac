/**
 * IP addresses: text to bytes, and the rtnetlink requests that give them to links. Pure.
 *
 * @module
 */
import * as k from '../constants.ts'
import { attribute, header, isHole, join, type Message, type Word } from './message.ts'
import { ifaddrmsg } from './structs.ts'

/** Bytes of an IPv4 address; `undefined` when the text is none. */
function parseIpv4(text: string): Uint8Array | undefined {
  if (!/^(?:(?:0|[1-9][0-9]{0,2})(?:\.(?!$)|$)){4}$/.test(text)) return undefined
  const parts = text.split('.').map(Number)
  return parts.every((part) => part < 256) ? Uint8Array.from(parts) : undefined
}

/** 16-bit groups of one side of `::`; only the last side may end in an IPv4 address. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const out: number[] = []
  const words = text.split(':')
  for (const [index, word] of words.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(word)) {
      out.push(parseInt(word, 16))
      continue
    }
    const [a, b, c, d] = (last && index === words.length - 1 ? parseIpv4(word) : undefined) ?? []
    if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined
    out.push(a << 8 | b, c << 8 | d)
  }
  return out
}

/** Bytes of an IPv6 address; `undefined` when the text is none. */
function parseIpv6(text: string): Uint8Array | undefined {
  const [before = '', after, ...more] = text.split('::')
  const left = groups(before, after === undefined)
  const right = after === undefined ? [] : groups(after, true)
  if (left === undefined || right === undefined || more.length > 0) return undefined
  const missing = 8 - left.length - right.length
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...left, ...Array<number>(missing).fill(0), ...right]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

/** Bytes of an IP address: 4 or 16; `undefined` when the text is none. No zones. Pure. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** AF_INET or AF_INET6, by the length of an address. */
export function familyOf(address: Uint8Array): number {
  return address.length === 4 ? k.AF_INET : k.AF_INET6
}

export interface LinkAddress {
  /** Index of the link. */
  readonly link: Word
  /** 4 or 16 bytes. */
  readonly address: Uint8Array
  readonly prefixLength: number
  /** IPv4 only. */
  readonly broadcast?: Uint8Array
  /** RT_SCOPE_*; RT_SCOPE_UNIVERSE when absent. */
  readonly scope?: number
  /**
   * IFA_F_*, 8 bits: such as IFA_F_NODAD, without which an IPv6 address is not usable for a second.
   */
  readonly flags?: number
}

/** Gives a link an address; fails with EEXIST when it has it. Pure. */
export function newAddress(entry: LinkAddress): Message {
  const bytes = ifaddrmsg.encode({
    ifa_family: familyOf(entry.address),
    ifa_prefixlen: entry.prefixLength,
    ifa_flags: entry.flags ?? 0,
    ifa_scope: entry.scope ?? k.RT_SCOPE_UNIVERSE,
    ifa_index: isHole(entry.link) ? 0 : entry.link,
  })
  return {
    type: k.RTM_NEWADDR,
    flags: k.NLM_F_CREATE | k.NLM_F_EXCL,
    body: join([
      header(bytes, entry.link, ifaddrmsg.at('ifa_index')),
      attribute(k.IFA_LOCAL, entry.address),
      ...entry.broadcast === undefined ? [] : [attribute(k.IFA_BROADCAST, entry.broadcast)],
      attribute(k.IFA_ADDRESS, entry.address),
    ]),
  }
}
