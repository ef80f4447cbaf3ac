/**
 * rtnetlink requests about links: make, change, remove, move into a namespace. Pure.
 *
 * @module
 */
import * as k from '../constants.ts'
import {
  attribute,
  type Chunk,
  header,
  isHole,
  join,
  type Message,
  nest,
  textAttribute,
  type Word,
  wordAttribute,
} from './message.ts'
import { ifinfomsg } from './structs.ts'
import { encodeUtf8 } from '../text.ts'

/** Which link: by index (known or a hole) or by name. */
export type LinkId = { readonly index: Word } | { readonly name: string }

/** What a link shall be like. Absent means: leave it. */
export interface LinkProperties {
  /** Bring it up or down. */
  readonly up?: boolean
  /** In bytes. */
  readonly mtu?: number
  /** Hardware address. */
  readonly address?: Uint8Array
  /** Index of the link that it joins; 0 leaves. */
  readonly master?: Word
  /** New name (RTM_SETLINK by index only). */
  readonly rename?: string
  /** Descriptor of the network namespace that it moves into. */
  readonly namespace?: Word
  /** Attributes of any kind, such as IFLA_AF_SPEC. */
  readonly more?: readonly Chunk[]
}

/** A link to make. */
export interface NewLink extends Omit<LinkProperties, 'rename'> {
  readonly name: string
  /** Index that it shall have in its namespace; the kernel chooses when absent. */
  readonly index?: number
  /** `veth`, `bridge`, `macvlan`… */
  readonly kind: string
  /** Attributes of the kind (IFLA_INFO_DATA), such as IFLA_BR_FORWARD_DELAY. */
  readonly data?: readonly Chunk[]
  /** Index of the link below (macvlan, vlan, vxlan). */
  readonly link?: Word
}

function infoHeader(index: Word, up: boolean | undefined): Chunk {
  const bytes = ifinfomsg.encode({
    ifi_index: isHole(index) ? 0 : index,
    ifi_flags: up === true ? k.IFF_UP : 0,
    ifi_change: up === undefined ? 0 : k.IFF_UP,
  })
  return header(bytes, index, ifinfomsg.at('ifi_index'))
}

function properties(link: LinkProperties, name: string | undefined, below?: Word): Chunk[] {
  const list: Chunk[] = []
  if (link.mtu !== undefined) list.push(wordAttribute(k.IFLA_MTU, link.mtu))
  if (link.address !== undefined) list.push(attribute(k.IFLA_ADDRESS, link.address))
  if (below !== undefined) list.push(wordAttribute(k.IFLA_LINK, below))
  if (link.master !== undefined) list.push(wordAttribute(k.IFLA_MASTER, link.master))
  if (name !== undefined) list.push(textAttribute(k.IFLA_IFNAME, name))
  if (link.namespace !== undefined) list.push(wordAttribute(k.IFLA_NET_NS_FD, link.namespace))
  return [...list, ...link.more ?? []]
}

function body(link: NewLink): Chunk {
  const info = [attribute(k.IFLA_INFO_KIND, encodeUtf8(link.kind))]
  if (link.data !== undefined) info.push(nest(k.IFLA_INFO_DATA, link.data))
  return join([
    infoHeader(link.index ?? 0, link.up),
    ...properties(link, link.name, link.link),
    nest(k.IFLA_LINKINFO, info),
  ])
}

/** Makes a link; fails with EEXIST when there is one of that name. Pure. */
export function newLink(link: NewLink): Message {
  return { type: k.RTM_NEWLINK, flags: k.NLM_F_CREATE | k.NLM_F_EXCL, body: body(link) }
}

/** The other end of a veth pair. It cannot be made up at once: the kernel says ENOTCONN. */
export interface Peer extends Omit<LinkProperties, 'rename' | 'up'> {
  readonly name: string
  readonly index?: number
}

/** Makes a veth pair, its peer in another namespace if it says so. Pure. */
export function newVeth(link: Omit<NewLink, 'kind' | 'data' | 'link'>, peer: Peer): Message {
  const other = join([infoHeader(peer.index ?? 0, undefined), ...properties(peer, peer.name)])
  return newLink({ ...link, kind: 'veth', data: [attribute(k.VETH_INFO_PEER, other)] })
}

/** Changes a link. Pure. */
export function setLink(id: LinkId, link: LinkProperties): Message {
  const byName = 'name' in id
  const name = link.rename ?? (byName ? id.name : undefined)
  if (byName && link.rename !== undefined) {
    throw new RangeError(`cannot rename "${id.name}": a link is renamed by its index`)
  }
  return {
    type: k.RTM_NEWLINK,
    flags: 0,
    body: join([infoHeader(byName ? 0 : id.index, link.up), ...properties(link, name)]),
  }
}

/** Removes a link. Pure. */
export function deleteLink(id: LinkId): Message {
  const byName = 'name' in id
  return {
    type: k.RTM_DELLINK,
    flags: 0,
    body: join([
      infoHeader(byName ? 0 : id.index, undefined),
      ...byName ? [textAttribute(k.IFLA_IFNAME, id.name)] : [],
    ]),
  }
}

/** Index of the loopback link in each network namespace. */
export const LOOPBACK_INDEX = 1

/** Brings the loopback link up. Pure. */
export function loopbackUp(): Message {
  return setLink({ index: LOOPBACK_INDEX }, { up: true })
}
