import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
import { errno } from '../../../core/linux/errno.ts'
import { newAddress, parseAddress } from '../../../core/linux/netlink/address.ts'
import {
  deleteLink,
  loopbackUp,
  newLink,
  newVeth,
  setLink,
} from '../../../core/linux/netlink/link.ts'
import {
  encodeRequests,
  hole,
  type Message,
  wordAttribute,
} from '../../../core/linux/netlink/message.ts'
import { deleteRoute, newRoute } from '../../../core/linux/netlink/route.ts'
import { native } from '../native/compile.ts'

const test = suite('rtnetlink requests to the kernel', { needs: ['root', 'gcc', 'kernel-headers'] })

/** Sends requests in a network namespace B; the hole `A` becomes another namespace's descriptor. */
function send(messages: readonly Message[]): { acks: number[]; lines: string[] } {
  const { bytes, holes } = encodeRequests(messages)
  const offsets = (holes.get('A') ?? []).map(({ offset }) => String(offset))
  const lines = native('netlink').run(offsets, bytes)
  const acks = lines.filter((line) => line.startsWith('ack ')).map((line) => Number(line.slice(4)))
  return { acks, lines: lines.filter((line) => !line.startsWith('ack ')) }
}

function ip(text: string): Uint8Array {
  const bytes = parseAddress(text)
  if (bytes === undefined) throw new Error(`not an address: ${text}`)
  return bytes
}

const devices = (lines: readonly string[], namespace: string) =>
  lines.flatMap((line) => new RegExp(`^${namespace} dev: *([a-z0-9]+):`).exec(line)?.[1] ?? [])
const has = (lines: readonly string[], pattern: RegExp) => lines.some((line) => pattern.test(line))

test('loopback comes up with its addresses', () => {
  const { acks, lines } = send([loopbackUp()])
  assert.equal(acks, [0])
  assert.ok(has(lines, /^B if_inet6: 0{31}1 01 80 10 80 +lo/))
  assert.ok(has(lines, /^B fib_trie: .*127\.0\.0\.1/))
})

test('a bridge, veth pairs, addresses and routes', () => {
  const { acks, lines } = send([
    newLink({
      name: 'br0',
      index: 10,
      kind: 'bridge',
      up: true,
      data: [wordAttribute(k.IFLA_BR_FORWARD_DELAY, 0)],
    }),
    newVeth({ name: 'v0', index: 11, master: 10, up: true }, { name: 'v1', index: 12 }),
    newVeth({ name: 'g0', index: 13 }, { name: 'eth0', index: 2, namespace: hole('A') }),
    setLink({ index: 12 }, { up: true }),
    newLink({
      name: 'm0',
      kind: 'macvlan',
      link: 12,
      data: [wordAttribute(k.IFLA_MACVLAN_MODE, k.MACVLAN_MODE_BRIDGE)],
    }),
    setLink({ name: 'm0' }, { namespace: hole('A') }),
    newAddress({
      link: 10,
      address: ip('10.0.3.10'),
      prefixLength: 24,
      broadcast: ip('10.0.3.255'),
    }),
    newAddress({ link: 10, address: ip('fd00:3::10'), prefixLength: 64, flags: k.IFA_F_NODAD }),
    newRoute({ family: k.AF_INET, gateway: ip('10.0.3.1'), link: 10 }),
    newRoute({
      family: k.AF_INET,
      destination: { address: ip('192.0.2.0'), prefixLength: 24 },
      link: 10,
      source: ip('10.0.3.10'),
    }),
    newRoute({ family: k.AF_INET, gateway: ip('203.0.113.1'), link: 11, onLink: true, table: 100 }),
    newRoute({ family: k.AF_INET6, gateway: ip('fd00:3::1'), link: 10 }),
    setLink({ index: 13 }, { rename: 'guest0', mtu: 1400 }),
  ])
  assert.equal(acks, Array<number>(13).fill(0))
  assert.equal(devices(lines, 'B').filter((name) => !name.startsWith('ifb')).sort(), [
    'br0',
    'guest0',
    'lo',
    'v0',
    'v1',
  ])
  assert.equal(devices(lines, 'A').filter((name) => !name.startsWith('ifb')).sort(), [
    'eth0',
    'lo',
    'm0',
  ])
  assert.ok(has(lines, /^B fib_trie: .*10\.0\.3\.10/))
  assert.ok(has(lines, /^B if_inet6: fd00000300000000000000000000001[0] 0a 40 00 [0-9a-f]+ +br0/))
  assert.ok(has(lines, /^B route: br0\t00000000\t0103000A\t0003/))
  assert.ok(has(lines, /^B route: br0\t000200C0\t00000000\t0001/))
  assert.ok(has(lines, /^B ipv6_route: 0{32} 00 0{32} 00 fd0000030{23}1 .* br0$/))
})

test("errors are the kernel's", () => {
  const { acks } = send([
    loopbackUp(),
    newLink({ name: 'lo', kind: 'bridge' }),
    newLink({ name: 'x0', kind: 'no-such-kind' }),
    deleteLink({ name: 'none' }),
    setLink({ index: 999 }, { up: true }),
    deleteRoute({ family: k.AF_INET, gateway: ip('10.0.3.1') }),
  ])
  const { EEXIST, EOPNOTSUPP, ENODEV, ESRCH } = errno
  assert.equal(acks, [0, -EEXIST, -EOPNOTSUPP, -ENODEV, -ENODEV, -ESRCH])
})

test.run()
