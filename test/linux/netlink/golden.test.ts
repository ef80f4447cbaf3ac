/**
 * Compares with what iproute2 6.1 sent for the same deed (seen with strace), sequence numbers
 * apart.
 */
import { suite } from '../../support/suite.ts'
import * as assert from 'uvu/assert'
import * as k from '../../../core/linux/constants.ts'
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
import { newRoute } from '../../../core/linux/netlink/route.ts'

const test = suite('rtnetlink requests')

/** Bytes of one request with the sequence number taken out, in hexadecimal. */
function hex(message: Message): string {
  const bytes = encodeRequests([message]).bytes.slice()
  bytes.fill(0, 8, 12)
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function ip(text: string): Uint8Array {
  const bytes = parseAddress(text)
  if (bytes === undefined) throw new Error(`not an address: ${text}`)
  return bytes
}

const golden: readonly (readonly [command: string, message: Message, bytes: string])[] = [
  [
    'ip link set lo up',
    loopbackUp(),
    '2000000010000500000000000000000000000000010000000100000001000000',
  ],
  [
    'ip link add br0 type bridge forward_delay 0 stp_state 0',
    newLink({
      name: 'br0',
      kind: 'bridge',
      data: [wordAttribute(k.IFLA_BR_FORWARD_DELAY, 0), wordAttribute(k.IFLA_BR_STP_STATE, 0)],
    }),
    '4c0000001000050600000000000000000000000000000000000000000000000008000300627230002400' +
    '12000a00010062726964676500001400020008000100000000000800050000000000',
  ],
  [
    'ip link add w0 mtu 1400 address 02:00:00:00:00:01 type veth peer name w1',
    newVeth({ name: 'w0', mtu: 1400, address: Uint8Array.of(2, 0, 0, 0, 0, 1) }, { name: 'w1' }),
    '680000001000050600000000000000000000000000000000000000000000000008000400780500000a00' +
    '0100020000000001000007000300773000002c0012000800010076657468200002001c00010000000000' +
    '0000000000000000000000000700030077310000',
  ],
  [
    'ip link add m0 link v0 type macvlan mode bridge',
    newLink({
      name: 'm0',
      kind: 'macvlan',
      link: 3,
      data: [wordAttribute(k.IFLA_MACVLAN_MODE, k.MACVLAN_MODE_BRIDGE)],
    }),
    '4c0000001000050600000000000000000000000000000000000000000000000008000500030000000700' +
    '03006d3000001c0012000b0001006d6163766c616e000c0002000800010004000000',
  ],
  [
    'ip link set v0 master br0',
    setLink({ index: 3 }, { master: 4 }),
    '280000001000050000000000000000000000000003000000000000000000000008000a0004000000',
  ],
  [
    'ip addr add 10.0.3.10/24 brd 10.0.3.255 dev v0',
    newAddress({
      link: 3,
      address: ip('10.0.3.10'),
      prefixLength: 24,
      broadcast: ip('10.0.3.255'),
    }),
    '300000001400050600000000000000000218000003000000080002000a00030a080004000a0003ff0800' +
    '01000a00030a',
  ],
  [
    'ip addr add fd00:3::10/64 dev v0 nodad',
    newAddress({
      link: 3,
      address: ip('fd00:3::10'),
      prefixLength: 64,
      flags: k.IFA_F_NODAD,
    }),
    '400000001400050600000000000000000a4002000300000014000200fd00000300000000000000000000' +
    '001014000100fd000003000000000000000000000010',
  ],
  [
    'ip route add default via 10.0.3.1 dev v0',
    newRoute({ family: k.AF_INET, gateway: ip('10.0.3.1'), link: 3 }),
    '2c00000018000506000000000000000002000000fe03000100000000080005000a000301080004000300' +
    '0000',
  ],
  [
    'ip route add 192.0.2.0/24 dev v0',
    newRoute({
      family: k.AF_INET,
      destination: { address: ip('192.0.2.0'), prefixLength: 24 },
      link: 3,
    }),
    '2c00000018000506000000000000000002180000fe03fd010000000008000100c0000200080004000300' +
    '0000',
  ],
  [
    'ip -6 route add default via fd00:3::1 dev v0',
    newRoute({
      family: k.AF_INET6,
      destination: { address: ip('::'), prefixLength: 0 },
      gateway: ip('fd00:3::1'),
      link: 3,
    }),
    '4c0000001800050600000000000000000a000000fe030001000000001400010000000000000000000000' +
    '00000000000014000500fd0000030000000000000000000000010800040003000000',
  ],
  [
    'ip link del w0',
    deleteLink({ index: 6 }),
    '2000000011000500000000000000000000000000060000000000000000000000',
  ],
]

for (const [command, message, bytes] of golden) {
  test(`encodes as ${command}`, () => assert.is(hex(message), bytes))
}

test('numbers requests from 1 and lets them follow on each other', () => {
  const { bytes } = encodeRequests([loopbackUp(), deleteLink({ name: 'w0' })])
  const view = new DataView(bytes.buffer)
  assert.is(view.getUint32(8, true), 1)
  assert.is(view.getUint32(32, true), bytes.length - 32)
  assert.is(view.getUint32(40, true), 2)
})

test('tells where holes lie, also in nested attributes and in headers', () => {
  const { bytes, holes } = encodeRequests([
    loopbackUp(),
    newVeth({ name: 'a', master: hole('bridge') }, { name: 'b', namespace: hole('guest') }),
    setLink({ index: hole('bridge') }, { up: true }),
  ])
  assert.equal([...holes.keys()].sort(), ['bridge', 'guest'])
  const filled = bytes.slice()
  for (const place of [...holes.values()].flat()) {
    assert.is(place.width, 4)
    filled.fill(0x11, place.offset, place.offset + 4)
  }
  const known = encodeRequests([
    loopbackUp(),
    newVeth({ name: 'a', master: 0x11111111 }, { name: 'b', namespace: 0x11111111 }),
    setLink({ index: 0x11111111 }, { up: true }),
  ])
  assert.equal(filled, known.bytes)
})

test('refuses to rename a link that is given by name', () => {
  assert.throws(() => setLink({ name: 'a' }, { rename: 'b' }), /renamed by its index/)
})

test('parseAddress() reads addresses and nothing else', () => {
  assert.equal([...ip('::1')], [...Array<number>(15).fill(0), 1])
  assert.equal([...ip('::ffff:10.1.2.3')].slice(10), [255, 255, 10, 1, 2, 3])
  assert.equal([...ip('1:2:3:4:5:6:7:8')].slice(-2), [0, 8])
  const bad = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4.',
    ':::',
    '1::2::3',
    '::g',
  ]
  const worse = ['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8:9', '::1%lo', '1.2.3.4::']
  for (const text of [...bad, ...worse]) assert.is(parseAddress(text), undefined, text)
})

test.run()
