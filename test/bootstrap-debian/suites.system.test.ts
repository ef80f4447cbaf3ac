// @limit 420 s
import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { suite } from '../support/suite.ts'
import { product } from '../system/product.ts'
import { compareTrees, makeReference } from './support/reference.ts'
import { controlText, deb, directory, file } from './support/deb.ts'

const test = suite('debian: suites of the real mirror', {
  needs: ['root', 'vserver', 'mmdebstrap'],
  timeoutMs: 180_000,
})

const host = product()
test.after(() => host.dispose())

function create(name: string, ...more: readonly string[]): void {
  const ran = host.run(['create', name, ...more], { timeoutMs: 170_000 })
  assert.is(ran.code, 0, ran.stderr)
}

/** Most memory that a process had in use, in bytes, as the kernel counted it. */
async function peakBytes(args: readonly string[]): Promise<{ peak: number; code: number }> {
  const [program = '', ...rest] = host.argv(...args)
  const child = spawn(program, rest, { stdio: 'ignore' })
  let peak = 0
  let code: number | undefined
  child.once('close', (status) => code = status ?? 137)
  while (code === undefined) {
    const status = existsSync(`/proc/${child.pid}/status`)
      ? readFileSync(`/proc/${child.pid}/status`, 'utf8')
      : ''
    peak = Math.max(peak, 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0))
    await setTimeout(100)
  }
  return { peak, code }
}

/** An archive of one package, which a guest without a network finds at /srv/archive. */
function localArchive(): string {
  const path = join(host.scratch, 'archive')
  mkdirSync(path, { recursive: true })
  const spec = {
    name: 'hello-vserver',
    data: [directory('./usr'), directory('./usr/share'), file('./usr/share/hello', 'hello')],
    control: { postinst: '#!/bin/sh\nset -e\ntouch /configured\n' },
  }
  const bytes = deb(spec)
  const digest = createHash('sha256').update(bytes).digest('hex')
  writeFileSync(join(path, 'hello.deb'), bytes)
  const stanza = `${
    controlText(spec).trimEnd()
  }\nFilename: ./hello.deb\nSize: ${bytes.length}\nSHA256: ${digest}\n`
  writeFileSync(join(path, 'Packages'), Buffer.from(stanza))
  return path
}

const installs = [
  'set -e',
  'echo "deb [trusted=yes] file:/srv/archive ./" >/etc/apt/sources.list.d/local.list',
  ': >/etc/apt/sources.list',
  'apt-get -qq update',
  'DEBIAN_FRONTEND=noninteractive apt-get -qq install -y hello-vserver >/dev/null',
  'cat /usr/share/hello; test -e /configured; dpkg --audit',
].join('; ')

for (const name of ['bookworm', 'trixie', 'bullseye', 'sid']) {
  test(`${name} boots to running, installs, reboots and powers off`, async () => {
    const archive = localArchive()
    const mount = `mounts=[{source: ${archive}, target: /srv/archive, readOnly: true}]`
    const expired = name === 'sid' ? ['--allow-expired'] : []
    create(name, '--from', `debian:${name}`, ...expired, '--set', mount)
    host.must('start', name, '--wait=60')
    const running = () => host.run(['exec', name, '--', 'systemctl', 'is-system-running', '--wait'])
    assert.is(
      running().stdout,
      'running\n',
      host.run(['exec', name, '--', 'systemctl', '--failed']).stdout,
    )
    const installed = host.run(['exec', name, '--', 'sh', '-c', installs], { timeoutMs: 60_000 })
    assert.is(installed.code, 0, installed.stderr)
    assert.is(installed.stdout, 'hello')
    host.run(['exec', name, '--', 'systemctl', 'reboot'])
    await stateIs(name, /"restarts":1/)
    host.must('start', name, '--wait=60')
    await stateIs(name, /"state":"running"/)
    await eventually(() => running().stdout === 'running\n')
    host.run(['exec', name, '--', 'systemctl', 'poweroff'])
    await stateIs(name, /"reason":"poweroff"/)
  })
}

async function eventually(what: () => boolean): Promise<void> {
  const end = Date.now() + 40_000
  while (!what()) {
    if (Date.now() > end) throw new Error('it did not happen')
    await setTimeout(100)
  }
}

async function stateIs(name: string, pattern: RegExp): Promise<void> {
  await eventually(() => pattern.test(host.run(['status', name, '--json']).stdout))
}

test('bookworm is what mmdebstrap makes of the same packages, but for what is explained', () => {
  const [template = ''] = readdirSync(join(host.root, 'var/lib/vserver/templates'))
    .filter((name) => name.startsWith('debian-bookworm-'))
  const tree = join(host.root, 'var/lib/vserver/templates', template)
  const reference = makeReference('bookworm', { tree, scratch: host.scratch })
  const { unexplained, unused } = compareTrees(tree, reference)
  assert.equal(unexplained, [])
  assert.equal(unused, [], 'explanations of what does not differ')
})

test('takes at most 400 MB of memory', async () => {
  const { peak, code } = await peakBytes([
    'create',
    'again',
    '--from',
    'debian:trixie',
    '--option',
    'include=less',
  ])
  assert.is(code, 0)
  assert.ok(peak > 20e6 && peak <= 400e6, `${Math.round(peak / 1e6)} MB`)
})

test.run()
