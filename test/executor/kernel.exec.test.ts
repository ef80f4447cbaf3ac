import * as assert from 'uvu/assert'
import { CLONE_NEWNET, CLONE_NEWTIME } from '../../core/linux/constants/process.ts'
import { loopbackUp, setLink } from '../../core/linux/netlink/link.ts'
import { encodeRequests } from '../../core/linux/netlink/message.ts'
import { bytes, fromSlot } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { clone, failure, plan, program, session } from './support.ts'

const test = suite('ops on the kernel', { needs: ['executor', 'root'] })

/** In a session: a network namespace of its own, and a route socket in slot 16. */
const enterNetwork = plan((main) => {
  main.call('unshare', [CLONE_NEWNET])
  main.keep('socket', [16, 3, 0])
})

const requests = (...messages: Parameters<typeof encodeRequests>[0][number][]) =>
  bytes(encodeRequests(messages).bytes.slice(), 4)

test('NETLINK has requests carried out', async (t) => {
  const opened = await session(t)
  await opened.run(enterNetwork)
  const { bytes: raw } = await opened.run(plan((main, builder) => {
    builder.slot()
    main.emit('NETLINK', [fromSlot(16), requests(loopbackUp())])
    const flags = bytes(40)
    flags.bytes.set(new TextEncoder().encode('lo'))
    const socket = main.keep('socket', [2, 2, 0])
    main.call('ioctl', [socket, 0x8913, flags])
    main.emit('REPORT', [flags, 40])
  }))
  // ifr_flags: IFF_UP
  assert.is((raw[16] ?? 0) & 1, 1)
})

test('NETLINK gives the first error, and leaves the socket usable', async (t) => {
  const opened = await session(t)
  await opened.run(enterNetwork)
  const missing = setLink({ index: 99 }, { up: true })
  const send = (...messages: Parameters<typeof encodeRequests>[0][number][]) =>
    plan((main, builder) => {
      builder.slot()
      main.emit('NETLINK', [fromSlot(16), requests(...messages)])
    })
  const { errnoName, call } = await failure(opened, send(loopbackUp(), missing, loopbackUp()))
  assert.equal([errnoName, call], ['ENODEV', 'netlink'])
  assert.is((await failure(opened, send(missing, missing))).errnoName, 'ENODEV')
  await opened.run(send(loopbackUp(), loopbackUp()))
})

test('NETLINK takes many requests at once', async (t) => {
  const opened = await session(t)
  await opened.run(enterNetwork)
  await opened.run(plan((main, builder) => {
    builder.slot()
    main.emit('NETLINK', [
      fromSlot(16),
      requests(...Array.from({ length: 64 }, () => loopbackUp())),
    ])
  }))
})

test('NETLINK fails on what is no netlink socket', async (t) => {
  const opened = await session(t)
  const { errnoName } = await failure(
    opened,
    plan((main) => {
      const file = main.keep('openat', [-100, '/proc/version', 0, 0])
      main.emit('NETLINK', [file, requests(loopbackUp())])
    }),
  )
  assert.is(errnoName, 'ENOTSOCK')
})

test('CLOCK makes a time namespace whose clocks start at 0', async (t) => {
  const opened = await session(t)
  const text = bytes(128)
  const now = bytes(32)
  await opened.run(plan((main, builder) => {
    const length = builder.slot()
    main.call('unshare', [CLONE_NEWTIME])
    const file = main.keep('openat', [-100, '/proc/self/timens_offsets', 1, 0])
    main.emit('CLOCK', [text], { out: length.slot })
    main.call('write', [file, text, length], { whole: 2 })
    main.call('close', [file])
  }))
  const { slots } = await opened.run(plan((main, builder) => {
    const child = program(builder, 'HELPER')
    const pid = clone({ from: main, builder, into: 'HELPER' })
    main.emit('REAP', [pid])
    for (const [clockNumber, offset] of [[1, 0], [7, 16]] as const) {
      child.call('clock_gettime', [clockNumber, { kind: 'data', cell: now, offset, length: 16 }])
      child.emit('LOAD', [{ kind: 'data', cell: now, offset, length: 8 }], {
        out: builder.slot().slot,
      })
    }
  }))
  assert.ok((slots[17] ?? 99n) < 5n && (slots[18] ?? 99n) < 5n, String(slots.slice(17, 19)))
})

test.run()
