/**
 * A person's prompt: `npm run lab -- --host systemd --kernel 6.12 --shell`, with the person's part on a pipe.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { labNeeds } from './needs.ts'

const test = suite('npm run lab', { needs: labNeeds, timeoutMs: 300_000 })
const program = inRepository('test/lab/run.ts')

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** Runs the lab; types the lines once the prompt is there. */
function lab(args: readonly string[], lines: readonly string[]): Promise<Ran> {
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  const child = spawn(process.execPath, [program, ...args])
  let output = ''
  let typed = false
  const hear = (chunk: string) => {
    output += chunk
    if (typed || !output.includes('lab: up after')) return
    typed = true
    child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  child.on('error', reject).on('close', (code) => resolve({ code, output }))
  return promise
}

test('gives a prompt on a host, and ends with the shell', async () => {
  const lines = ['echo the answer is $((40 + 2))', 'vserver list', 'cat /proc/1/comm', 'exit']
  const { code, output } = await lab(['--host', 'systemd', '--kernel', '6.12', '--shell'], lines)
  assert.is(code, 0, output)
  assert.match(output, /lab: up after \d+\.\d s/)
  console.log(/lab: up after \d+\.\d s/.exec(output)?.[0])
  assert.match(output, /^the answer is 42\r?$/m)
  assert.match(output, /^NAME +STATE/m)
  assert.match(output, /^systemd\r?$/m)
})

test('names the hosts and kernels that there are', async () => {
  const host = await lab(['--host', 'windows', '--shell'], [])
  assert.is(host.code, 1)
  assert.match(host.output, /^lab: there is no host "windows": bare, systemd, musl$/m)
  const kernel = await lab(['--kernel', '2.6', '--shell'], [])
  assert.is(kernel.code, 1)
  assert.match(kernel.output, /^lab: there is no kernel "2\.6": 5\.10, 6\.1, 6\.12$/m)
  const option = await lab(['--frobnicate'], [])
  assert.is(option.code, 2)
  assert.match(option.output, /frobnicate/)
})

test.run()
