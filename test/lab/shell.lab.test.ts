/**
 * A person's prompt: `npm run lab -- --host systemd --kernel 6.12 --shell`, with the person's part on a pipe.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { labNeeds } from './needs.ts'

const test = suite('npm run lab', { needs: labNeeds, timeoutMs: 300_000 })
const program = inRepository('test/lab/run.ts')

/** Of busybox, in the root directory. */
const PROMPT = '/ # '

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** Runs the lab; types a line at each prompt. */
function lab(
  args: readonly string[],
  { lines, cleanup }: { readonly lines: readonly string[] } & TestContext,
): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  const child = spawn(process.execPath, [program, ...args])
  cleanup(() => child.kill())
  let output = ''
  let typed = 0
  const hear = (chunk: string) => {
    output += chunk
    const prompts = output.split(PROMPT).length - 1
    for (; typed < Math.min(prompts, lines.length); typed++) child.stdin.write(`${lines[typed]}\n`)
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  child.on('error', reject).on('close', (code) => resolve({ code, output }))
  return promise
}

test('gives a prompt on a host, and ends with the shell', async ({ cleanup }) => {
  const lines = ['echo the answer is $((40 + 2))', 'vserver list', 'cat /proc/1/comm', 'exit']
  const { code, output } = await lab(['--host', 'systemd', '--kernel', '6.12', '--shell'], {
    lines,
    cleanup,
  })
  assert.is(code, 0, output)
  assert.match(output, /lab: up after \d+\.\d s/)
  console.log(/lab: up after \d+\.\d s/.exec(output)?.[0])
  assert.match(output, /^the answer is 42\r?$/m)
  assert.match(output, /^NAME +STATE/m)
  assert.match(output, /^systemd\r?$/m)
})

test('names the hosts and kernels that there are', async ({ cleanup }) => {
  const typing = { lines: [], cleanup }
  const host = await lab(['--host', 'windows', '--shell'], typing)
  assert.is(host.code, 1)
  assert.match(host.output, /^lab: there is no host "windows": bare, systemd, musl$/m)
  const kernel = await lab(['--kernel', '2.6', '--shell'], typing)
  assert.is(kernel.code, 1)
  assert.match(kernel.output, /^lab: there is no kernel "2\.6": 5\.10, 6\.1, 6\.12$/m)
  const option = await lab(['--frobnicate'], typing)
  assert.is(option.code, 2)
  assert.match(option.output, /frobnicate/)
})

test.run()
