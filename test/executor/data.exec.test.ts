import process from 'node:process'
import * as assert from 'uvu/assert'
import { bytes, part } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { failure, plan, reported, session } from './support.ts'

const test = suite('ops on data', { needs: ['executor'] })

test('PUT stores as many bytes as its destination is long', async (t) => {
  const opened = await session(t)
  for (let width = 1; width <= 8; width++) {
    const cell = bytes(new Uint8Array(10).fill(0xee))
    const { bytes: raw } = await opened.run(plan((main) => {
      main.put(cell, { offset: 1, width }, 0x1122334455667788n)
      main.emit('REPORT', [cell, 10])
    }))
    const expected = new Uint8Array(10).fill(0xee)
    for (let i = 0; i < width; i++) expected[1 + i] = 0x88 - 0x11 * i
    assert.equal(new Uint8Array(raw), expected)
  }
})

test('LOAD gives back what is stored, without a sign, whatever it is', async (t) => {
  const opened = await session(t)
  const cell = bytes(new Uint8Array(8).fill(0xfe))
  const { slots } = await opened.run(plan((main, builder) => {
    for (const length of [1, 2, 4, 8]) {
      main.emit('LOAD', [part(cell, { offset: 0, length })], { out: builder.slot().slot })
    }
  }))
  assert.equal(slots.slice(16), [0xfen, 0xfefen, 0xfefefefen, 0xfefefefefefefefen])
})

test('DECIMAL writes digits and pads with NUL', async (t) => {
  const opened = await session(t)
  const cell = bytes(new Uint8Array(24).fill(0x2e))
  const text = await reported(
    opened,
    plan((main) => {
      main.emit('DECIMAL', [part(cell, { offset: 0, length: 4 }), 0])
      main.emit('DECIMAL', [part(cell, { offset: 4, length: 20 }), -1])
      main.emit('REPORT', [cell, 24])
    }),
  )
  assert.is(text, `0\0\0\0${2n ** 64n - 1n}`)
})

test('DECIMAL fails with ERANGE where the digits have no room', async (t) => {
  const opened = await session(t)
  const { errnoName, op, call } = await failure(
    opened,
    plan((main) => {
      main.call('getpid', [])
      main.emit('DECIMAL', [bytes(3), 1000])
    }),
  )
  assert.equal([errnoName, op, call], ['ERANGE', 1, 'decimal'])
})

test('CLOCK writes offsets that take both clocks back to 0', async (t) => {
  const opened = await session(t)
  const before = process.hrtime.bigint()
  const cell = bytes(128)
  const text = await reported(
    opened,
    plan((main, builder) => {
      const length = builder.slot()
      main.emit('CLOCK', [cell], { out: length.slot })
      main.emit('REPORT', [cell, length])
    }),
  )
  const after = process.hrtime.bigint()
  const match = /^monotonic (-\d+) (\d{1,9})\nboottime (-\d+) (\d{1,9})\n$/.exec(text)
  assert.ok(match, text)
  const [seconds = 0n, ns = 0n] = match?.slice(1).map(BigInt) ?? []
  const now = -(seconds * 1_000_000_000n + ns)
  assert.ok(before <= now && now <= after, `${before} ${now} ${after}`)
})

test('CLOCK fails with ERANGE where the text has no room', async (t) => {
  const opened = await session(t)
  const { errnoName } = await failure(opened, plan((main) => main.emit('CLOCK', [bytes(8)])))
  assert.is(errnoName, 'ERANGE')
})

test('REPORT appends, and refuses more than its source holds', async (t) => {
  const opened = await session(t)
  const cell = bytes(new TextEncoder().encode('abcd'))
  const text = await reported(
    opened,
    plan((main) => {
      main.emit('REPORT', [cell, 4])
      main.emit('REPORT', [cell, 0])
      main.emit('REPORT', [part(cell, { offset: 1, length: 3 }), 2])
    }),
  )
  assert.is(text, 'abcdbc')
  const { errnoName } = await failure(opened, plan((main) => main.emit('REPORT', [cell, 5])))
  assert.is(errnoName, 'ERANGE')
})

test('REPORT fails with ENOBUFS when the reply is full', async (t) => {
  const opened = await session(t)
  const cell = bytes(1 << 25)
  const { errnoName, op } = await failure(
    opened,
    plan((main) => {
      for (let i = 0; i < 3; i++) main.emit('REPORT', [cell, 1 << 25])
    }),
  )
  assert.equal([errnoName, op], ['ENOBUFS', 2])
})

test('an ignored error makes the result 0', async (t) => {
  const opened = await session(t)
  const { slots } = await opened.run(plan((main) => {
    main.keep('openat', [-100, '/no/such/file', 0, 0], { ignore: [13, 2] })
    main.keep('close', [12345], { ignore: [9] })
  }))
  assert.equal(slots.slice(16), [0n, 0n])
})

test('a result that is not whole fails with EIO', async (t) => {
  const opened = await session(t)
  const short = plan((main) => {
    const file = main.keep('openat', [-100, '/proc/version', 0, 0])
    main.call('read', [file, bytes(8192), 8192], { whole: 2 })
  })
  const { errnoName, op } = await failure(opened, short)
  assert.equal([errnoName, op], ['EIO', 1])
})

test.run()
