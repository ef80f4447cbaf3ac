/**
 * Headers of netlink and rtnetlink messages. A test compares them with the kernel's headers. Pure
 * data.
 *
 * @module
 */
import { struct } from '../struct.ts'

/** In front of each message. */
export const nlmsghdr = struct('struct nlmsghdr', [
  ['nlmsg_len', 'u32'],
  ['nlmsg_type', 'u16'],
  ['nlmsg_flags', 'u16'],
  ['nlmsg_seq', 'u32'],
  ['nlmsg_pid', 'u32'],
])

/** In front of each attribute. */
export const nlattr = struct('struct nlattr', [
  ['nla_len', 'u16'],
  ['nla_type', 'u16'],
])

/** RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK. */
export const ifinfomsg = struct('struct ifinfomsg', [
  ['ifi_family', 'u8'],
  ['__ifi_pad', 'u8'],
  ['ifi_type', 'u16'],
  ['ifi_index', 'i32'],
  ['ifi_flags', 'u32'],
  ['ifi_change', 'u32'],
])

/** RTM_NEWADDR, RTM_DELADDR. */
export const ifaddrmsg = struct('struct ifaddrmsg', [
  ['ifa_family', 'u8'],
  ['ifa_prefixlen', 'u8'],
  ['ifa_flags', 'u8'],
  ['ifa_scope', 'u8'],
  ['ifa_index', 'u32'],
])

/** RTM_NEWROUTE, RTM_DELROUTE. */
export const rtmsg = struct('struct rtmsg', [
  ['rtm_family', 'u8'],
  ['rtm_dst_len', 'u8'],
  ['rtm_src_len', 'u8'],
  ['rtm_tos', 'u8'],
  ['rtm_table', 'u8'],
  ['rtm_protocol', 'u8'],
  ['rtm_scope', 'u8'],
  ['rtm_type', 'u8'],
  ['rtm_flags', 'u32'],
])

/** RTM_NEWNEIGH, RTM_DELNEIGH. */
export const ndmsg = struct('struct ndmsg', [
  ['ndm_family', 'u8'],
  ['ndm_pad1', 'u8'],
  ['ndm_pad2', 'u16'],
  ['ndm_ifindex', 'i32'],
  ['ndm_state', 'u16'],
  ['ndm_flags', 'u8'],
  ['ndm_type', 'u8'],
])

/** Address of a netlink socket: connect(2) and bind(2). */
export const sockaddrNl = struct('struct sockaddr_nl', [
  ['nl_family', 'u16'],
  ['nl_pad', 'u16'],
  ['nl_pid', 'u32'],
  ['nl_groups', 'u32'],
])
