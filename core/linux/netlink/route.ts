/**
 * rtnetlink requests about routes. Pure.
 *
 * @module
 */
import * as k from '../constants.ts'
import { familyOf } from './address.ts'
import { attribute, chunk, join, type Message, type Word, wordAttribute } from './message.ts'
import { rtmsg } from './structs.ts'

export interface Route {
  /** AF_INET or AF_INET6. */
  readonly family: number
  /** Where to; absent for the default route. */
  readonly destination?: { readonly address: Uint8Array; readonly prefixLength: number }
  /** By way of; absent when the destination is on the link. */
  readonly gateway?: Uint8Array
  /** Index of the link. */
  readonly link?: Word
  /** Source address of what the host sends by this route. */
  readonly source?: Uint8Array
  /** RT_TABLE_* below 256; RT_TABLE_MAIN when absent. */
  readonly table?: number
  /** The gateway is on the link although no prefix says so. */
  readonly onLink?: boolean
  /** RTN_*; RTN_UNICAST when absent. */
  readonly type?: number
}

function message(type: number, flags: number, route: Route): Message {
  const { destination, gateway, link, source } = route
  for (const address of [destination?.address, gateway, source]) {
    if (address !== undefined && familyOf(address) !== route.family) {
      throw new RangeError('a route has addresses of one family')
    }
  }
  const direct = gateway === undefined && route.family === k.AF_INET
  const head = rtmsg.encode({
    rtm_family: route.family,
    rtm_dst_len: destination?.prefixLength ?? 0,
    rtm_table: route.table ?? k.RT_TABLE_MAIN,
    rtm_protocol: k.RTPROT_BOOT,
    rtm_scope: direct ? k.RT_SCOPE_LINK : k.RT_SCOPE_UNIVERSE,
    rtm_type: route.type ?? k.RTN_UNICAST,
    rtm_flags: route.onLink === true ? k.RTNH_F_ONLINK : 0,
  })
  const attributes = [
    ...destination === undefined ? [] : [attribute(k.RTA_DST, destination.address)],
    ...gateway === undefined ? [] : [attribute(k.RTA_GATEWAY, gateway)],
    ...source === undefined ? [] : [attribute(k.RTA_PREFSRC, source)],
    ...link === undefined ? [] : [wordAttribute(k.RTA_OIF, link)],
  ]
  return { type, flags, body: join([chunk(head), ...attributes]) }
}

/** Adds a route; fails with EEXIST when there is one to that destination. Pure. */
export function newRoute(route: Route): Message {
  return message(k.RTM_NEWROUTE, k.NLM_F_CREATE | k.NLM_F_EXCL, route)
}

/** Removes a route. Pure. */
export function deleteRoute(route: Route): Message {
  return message(k.RTM_DELROUTE, 0, route)
}
