import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { CLONE_VFORK, CLONE_VM } from '../../core/linux/constants/process.ts'
import { bytes, part } from '../../core/plan/program.ts'
import { suite } from '../support/suite.ts'
import { clone, failure, plan, pointers, program, reported, scratch, session } from './support.ts'

const test = suite('ops on processes', { needs: ['executor'], timeoutMs: 20_000 })

const SHARED = CLONE_VM | CLONE_VFORK

test('a child shares slots with its parent, and gates order the two', async (t) => {
  const opened = await session(t)
  const { slots } = await opened.run(plan((main, builder) => {
    const helper = program(builder, 'HELPER')
    const [there, back] = [builder.gate(), builder.gate()]
    const pid = clone({ from: main, builder, into: 'HELPER' })
    main.call('getppid', [], { out: 20 })
    main.emit('OPEN', [there])
    main.emit('WAIT', [back])
    main.emit('REAP', [pid], { out: 23 })
    helper.emit('WAIT', [there])
    helper.call('getpid', [], { out: 21 })
    helper.emit('OPEN', [back])
    for (let i = 0; i < 8; i++) builder.slot()
  }))
  assert.is(slots[21], slots[16])
  assert.is(slots[23], 0n)
})

test('an open gate stays open', async (t) => {
  const opened = await session(t)
  await opened.run(plan((main, builder) => {
    const helper = program(builder, 'HELPER')
    const gate = builder.gate()
    main.emit('OPEN', [gate])
    main.emit('OPEN', [gate])
    main.emit('WAIT', [gate])
    const pid = clone({ from: main, builder, into: 'HELPER' })
    main.emit('REAP', [pid])
    helper.emit('WAIT', [gate])
    helper.emit('WAIT', [gate])
  }))
})

test('a child that shares memory runs on a stack of its own', async (t) => {
  const opened = await session(t)
  const cell = bytes(8)
  const { slots, bytes: raw } = await opened.run(plan((main, builder) => {
    const helper = program(builder, 'HELPER')
    const pid = clone({ from: main, builder, into: 'HELPER' }, SHARED)
    main.emit('REAP', [pid], { out: builder.slot().slot })
    main.emit('REPORT', [cell, 8])
    helper.put(cell, { offset: 0, width: 8 }, 0x4847464544434241n)
    helper.emit('REPORT', [cell, 8])
  }))
  assert.is(slots[17], 0n)
  assert.is(new TextDecoder().decode(raw), 'ABCDEFGHABCDEFGH')
})

test('from a child that shares memory no second one is made', async (t) => {
  const opened = await session(t)
  const { errnoName, program: where } = await failure(
    opened,
    plan((main, builder) => {
      const helper = program(builder, 'HELPER')
      program(builder, 'GUEST').call('getpid', [])
      clone({ from: main, builder, into: 'HELPER' }, SHARED)
      clone({ from: helper, builder, into: 'GUEST' }, SHARED)
    }),
  )
  assert.equal([errnoName, where], ['EDEADLK', 'HELPER'])
})

test('REPORT fails in a child that has memory of its own', async (t) => {
  const opened = await session(t)
  const { errnoName, program: where } = await failure(
    opened,
    plan((main, builder) => {
      program(builder, 'HELPER').emit('REPORT', [bytes(1), 1])
      clone({ from: main, builder, into: 'HELPER' })
      main.emit('WAIT', [builder.gate()])
    }),
  )
  assert.equal([errnoName, where], ['EOPNOTSUPP', 'HELPER'])
})

test('the first failure counts, in whichever process it is', async (t) => {
  const opened = await session(t)
  const error = await failure(
    opened,
    plan((main, builder) => {
      const helper = program(builder, 'HELPER')
      clone({ from: main, builder, into: 'HELPER' })
      main.emit('WAIT', [builder.gate()])
      helper.call('getpid', [])
      helper.call('chdir', ['/no/such/directory'])
    }),
  )
  assert.equal([error.program, error.op, error.errnoName, error.call], [
    'HELPER',
    1,
    'ENOENT',
    'chdir',
  ])
})

test('a parent stops when its child, which shares memory, failed', async (t) => {
  const opened = await session(t)
  const marker = join(scratch(t), 'marker')
  const error = await failure(
    opened,
    plan((main, builder) => {
      program(builder, 'HELPER').call('chdir', ['/no/such/directory'])
      clone({ from: main, builder, into: 'HELPER' }, SHARED)
      main.call('mkdirat', [-100, marker, 0o700])
    }),
  )
  assert.is(error.program, 'HELPER')
  assert.is(
    (await failure(opened, plan((main) => main.call('rmdir', [marker])))).errnoName,
    'ENOENT',
  )
})

for (const [how, end] of [['killed', 9], ['gone without a word', 0]] as const) {
  test(`WAIT fails with ECANCELED when the child is ${how}`, async (t) => {
    const opened = await session(t)
    const started = performance.now()
    const error = await failure(
      opened,
      plan((main, builder) => {
        const helper = program(builder, 'HELPER')
        clone({ from: main, builder, into: 'HELPER' })
        main.emit('WAIT', [builder.gate()])
        helper.call('kill', [helper.keep('getpid', []), end])
      }),
    )
    assert.equal([error.program, error.call, error.errnoName], ['MAIN', 'wait', 'ECANCELED'])
    assert.ok(performance.now() - started < 2000)
  })
}

test('WAIT fails with ECANCELED where nobody could open the gate', async (t) => {
  const opened = await session(t)
  const { errnoName } = await failure(
    opened,
    plan((main, builder) => {
      main.emit('WAIT', [builder.gate()])
    }),
  )
  assert.is(errnoName, 'ECANCELED')
})

test('WAIT outlives a child that has ended well while another one lives', async (t) => {
  const opened = await session(t)
  await opened.run(plan((main, builder) => {
    const gate = builder.gate()
    program(builder, 'HELPER').call('getpid', [])
    const guest = program(builder, 'GUEST')
    clone({ from: main, builder, into: 'HELPER' })
    clone({ from: main, builder, into: 'GUEST' })
    main.emit('WAIT', [gate])
    const time = bytes(16)
    guest.put(time, { offset: 8, width: 8 }, 200_000_000)
    guest.call('nanosleep', [time, 0])
    guest.emit('OPEN', [gate])
  }))
})

test('children of a plan that failed are killed and reaped', async (t) => {
  const opened = await session(t)
  await failure(
    opened,
    plan((main, builder) => {
      clone({ from: main, builder, into: 'HELPER' })
      main.call('chdir', ['/no/such/directory'])
      program(builder, 'HELPER').emit('WAIT', [builder.gate()])
      program(builder, 'HELPER').call('pause', [])
    }),
  )
  const { errnoName } = await failure(
    opened,
    plan((main) => {
      main.call('wait4', [-1, 0, 0x40000000, 0])
    }),
  )
  assert.is(errnoName, 'ECHILD')
})

test('REAP gives the wait status', async (t) => {
  const opened = await session(t)
  const { slots } = await opened.run(plan((main, builder) => {
    const helper = program(builder, 'HELPER')
    const guest = program(builder, 'GUEST')
    const [first, second] = [
      clone({ from: main, builder, into: 'HELPER' }),
      clone({ from: main, builder, into: 'GUEST' }),
    ]
    main.emit('REAP', [second], { out: builder.slot().slot })
    main.emit('REAP', [first], { out: builder.slot().slot })
    helper.call('exit_group', [7])
    guest.call('kill', [guest.keep('getpid', [], { out: 30 }), 15])
    for (let i = 0; i < 14; i++) builder.slot()
  }))
  assert.equal(slots.slice(18, 20), [15n, 7n << 8n])
})

test('REAP refuses what is no pid', async (t) => {
  const opened = await session(t)
  const { errnoName } = await failure(opened, plan((main) => main.emit('REAP', [-1])))
  assert.is(errnoName, 'EINVAL')
  const other = await failure(opened, plan((main) => main.emit('REAP', [1])))
  assert.is(other.errnoName, 'ECHILD')
})

/** Runs a command in a child; what it prints goes through a pipe. */
function command(path: string, argv: readonly string[], flags: number) {
  return plan((main, builder) => {
    const ends = bytes(8)
    const output = bytes(4096)
    const [from, into, length] = [builder.slot(), builder.slot(), builder.slot()]
    main.call('pipe2', [ends, 0o2000000])
    main.emit('LOAD', [part(ends, { offset: 0, length: 4 })], { out: from.slot })
    main.emit('LOAD', [part(ends, { offset: 4, length: 4 })], { out: into.slot })
    const child = program(builder, 'COMMAND')
    const pid = clone({ from: main, builder, into: 'COMMAND' }, flags)
    main.call('close', [into])
    main.call('read', [from, output, 4096], { out: length.slot })
    main.call('close', [from])
    main.emit('REAP', [pid])
    main.emit('REPORT', [output, length])
    child.call('dup3', [into, 1, 0])
    child.emit('EXEC', [path, pointers(child, argv), pointers(child, ['WORD=hello'])])
  })
}

for (const flags of [0, SHARED]) {
  test(`EXEC searches the path (clone flags ${flags})`, async (t) => {
    const opened = await session(t)
    const run = command('/nowhere:/proc/version:/usr/bin:/bin', ['sh', '-c', 'echo $WORD'], flags)
    assert.is(await reported(opened, run), 'hello\n')
  })
}

test('EXEC says why it could not', async (t) => {
  const opened = await session(t)
  const directory = scratch(t)
  const [denied, empty] = [join(directory, 'denied'), join(directory, 'empty')]
  mkdirSync(denied)
  mkdirSync(empty)
  writeFileSync(join(denied, 'tool'), '#!/bin/sh\n')
  writeFileSync(join(directory, 'text'), 'no interpreter')
  chmodSync(join(directory, 'text'), 0o755)
  const cases: readonly (readonly [path: string, name: string, error: string])[] = [
    [empty, 'tool', 'ENOENT'],
    [`${denied}:${empty}`, 'tool', 'EACCES'],
    [`${empty}:${directory}`, 'text', 'ENOEXEC'],
    ['', 'no-such-tool', 'ENOENT'],
    ['/bin', '', 'ENOENT'],
    ['/bin', 'x'.repeat(256), 'ENAMETOOLONG'],
    [`${'/'.repeat(5000)}:/nowhere`, 'tool', 'ENOENT'],
    ['/bin', './sh', 'ENOENT'],
    ['/bin', directory, 'EACCES'],
  ]
  for (const [path, name, error] of cases) {
    for (const flags of [0, SHARED]) {
      const failed = await failure(opened, command(path, [name], flags))
      assert.equal(
        [failed.errnoName, failed.program, failed.call],
        [error, 'COMMAND', 'exec'],
        name,
      )
    }
  }
})

test('EXEC refuses a missing argv', async (t) => {
  const opened = await session(t)
  for (const argv of [{ kind: 'slot', slot: 0 } as const, bytes(8)]) {
    const { errnoName } = await failure(
      opened,
      plan((main) => {
        main.emit('EXEC', ['/bin', argv, bytes(8)])
      }),
    )
    assert.is(errnoName, 'EFAULT')
  }
})

test('a PUT cannot get flags past the verifier', async (t) => {
  const opened = await session(t)
  const args = bytes(88)
  for (const flags of [CLONE_VM, 0x10900 | CLONE_VFORK, 0x80000]) {
    const { errnoName } = await failure(
      opened,
      plan((main, builder) => {
        program(builder, 'HELPER').call('getpid', [])
        main.put(args, { offset: 0, width: 8 }, flags)
        main.emit('CLONE', [args, 4])
      }),
    )
    assert.is(errnoName, 'EINVAL')
  }
})

test.run()
