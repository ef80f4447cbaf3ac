/**
 * What `exec` and `enter` on a terminal must do, whichever way the command gets into the guest: by the enter plan (long), or by
 * the guest's forker (short).
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { spawn, spawnSync } from 'node:child_process'
import { suite } from '../../support/suite.ts'
import { executorUnderTest, world } from './world.ts'

export function terminalTable(way: 'short' | 'long'): void {
  const test = suite(`exec on a terminal, ${way} way`, {
    needs: ['root', 'executor', 'gcc'],
    timeoutMs: 30_000,
  })
  const w = world({ forker: way === 'short' })
  test.before(() => {
    w.guest('web', ['term'])
    assert.is(w.run('start', 'web').status, 0)
    if (way === 'short') return w.forker('web')
  })
  test.after(() => w.destroy())

  /** Plays steps on a terminal on which the front door runs with these words; what the driver printed. */
  function play(steps: readonly string[], ...words: readonly string[]): string {
    const result = spawnSync(w.tool('terminal'), [...steps, '--', executorUnderTest, ...words], {
      encoding: 'utf8',
      env: w.env(),
      timeout: 25_000,
    })
    return result.stdout
  }

  const shell = ['exec', 'web', 'sh', '-c'] as const

  test('gives the command a terminal of the guest', () => {
    const out = play(
      ['expect:-> /1', 'wait', 'modes'],
      ...shell,
      'ls -l /proc/self/fd/0; test -t 0 && exit 5',
    )
    assert.is(out, 'exit 5\nrestored\n')
  })

  test("starts with the size of the caller's terminal, and follows it", () => {
    const out = play(
      ['expect:24 80', 'size:40x100', 'expect:40 100', 'wait'],
      ...shell,
      'trap "stty size; exit 0" WINCH; stty size; while :; do sleep 0.05; done',
    )
    assert.is(out, 'exit 0\n')
  })

  test('^C ^\\ ^Z go to the command, not to the front door', () => {
    for (const [key, signal] of [['\\x03', 'INT'], ['\\x1c', 'QUIT'], ['\\x1a', 'TSTP']] as const) {
      const script =
        `trap "echo caught ${signal}; exit 3" ${signal}; echo up; while :; do sleep 0.05; done`
      const out = play(
        ['expect:up', `send:${key}`, `expect:caught ${signal}`, 'wait', 'modes'],
        ...shell,
        script,
      )
      assert.is(out, 'exit 3\nrestored\n')
    }
  })

  test('^D ends the input', () => {
    assert.is(
      play(['send:hello\\r', 'expect:hello\r\nhello', 'send:\\x04', 'wait'], 'exec', 'web', 'cat'),
      'exit 0\n',
    )
  })

  test('restores the terminal when the front door is told to end', () => {
    for (const [signal, code] of [[15, 143], [1, 129]] as const) {
      const out = play(
        ['expect:up', `signal:${signal}`, 'wait', 'modes'],
        ...shell,
        'trap "" TERM HUP; echo up; while :; do sleep 0.05; done',
      )
      assert.is(out, `exit ${code}\nrestored\n`)
    }
  })

  test('restores the terminal when the guest dies', () => {
    w.guest('dying', ['term'])
    w.run('start', 'dying')
    const pid = w.state('dying')?.init.pid ?? 0
    const out = play(
      ['expect:up', `run:kill -9 ${pid}`, 'wait', 'modes'],
      ...['exec', 'dying', 'sh', '-c', 'echo up; sleep 20'],
    )
    assert.is(out, 'exit 137\nrestored\n')
  })

  test('ends with a terminal that is gone', () => {
    const out = play(
      ['expect:up', 'hangup', 'wait'],
      ...shell,
      'echo up; while :; do sleep 0.05; done',
    )
    assert.match(out, /^(exit 129|signal 1)\n$/)
  })

  test("without a terminal, with -T, the caller's terminal stays out", () => {
    const out = play(
      ['send:typed\\r', 'expect:no terminal', 'expect:got typed', 'wait', 'modes'],
      'exec',
      '-T',
      'web',
      'sh',
      '-c',
      'test -t 0 || test -t 1 || test -t 2 || echo no terminal; read x; echo got $x; exit 6',
    )
    assert.is(out, 'exit 6\nrestored\n')
  })

  test('carries 100 MB to a terminal', () => {
    const size = 100 << 20
    const out = play([`count:${size}`, 'wait'], ...shell, `stty raw; head -c ${size} /dev/zero`)
    assert.is(out, 'exit 0\n')
  })

  test('carries 100 MB both ways unchanged with -t and pipes', async () => {
    const input = Buffer.alloc(100 << 20)
    for (let at = 0; at < input.length; at += 4) {
      input.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at)
    }
    const script = `stty raw -echo; echo ready; head -c ${input.length}`
    const child = spawn(executorUnderTest, ['exec', '-t', 'web', 'sh', '-c', script], {
      env: w.env(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const chunks: Buffer[] = []
    const code = await new Promise((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        // Typed earlier, it would meet a terminal in line mode.
        if (chunks.length === 0) child.stdin.end(input)
        chunks.push(chunk)
      })
      child.on('close', resolve)
    })
    assert.is(code, 0)
    const all = Buffer.concat(chunks)
    assert.is(all.subarray(0, 6).toString(), 'ready\n')
    assert.ok(all.subarray(6).equals(input), `${all.length - 6} bytes came back`)
  })

  test('the end of input that is no terminal is ^D', () => {
    const result = spawnSync(executorUnderTest, [
      'exec',
      '-t',
      'web',
      'sh',
      '-c',
      'stty -echo; cat; exit 4',
    ], {
      input: 'no newline',
      encoding: 'utf8',
      env: w.env(),
    })
    assert.is(result.status, 4)
    assert.match(result.stdout, 'no newline')
  })

  test('output that nobody reads ends the command', () => {
    const result = spawnSync('sh', ['-c', '"$0" exec -t web yes | head -1', executorUnderTest], {
      encoding: 'utf8',
      env: w.env(),
      timeout: 10_000,
    })
    assert.match(result.stdout, 'y')
    assert.is(result.signal, null)
  })

  test('enter runs the login shell', () => {
    const out = play(
      ['send:echo $((6*7)) $HOME\\r', 'expect:42 /root', 'send:exit 3\\r', 'wait', 'modes'],
      'enter',
      'web',
    )
    assert.is(out, 'exit 3\nrestored\n')
  })

  test.run()
}
