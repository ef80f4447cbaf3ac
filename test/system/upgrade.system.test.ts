/**
 * Debian is upgraded from one suite to the next by its own apt, inside guests that are sealed, unified and
 * flattened in between. Packages come from the mirror of the host's own apt. @limit 600 s
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { chooseMirrors } from '../../plugins/bootstrap-debian/mirror.ts'
import { debianTree } from '../support/debian.ts'
import { suite } from '../support/suite.ts'
import { assertView, stackOf, viewOf } from '../unify/view.ts'
import { product, runCommand } from './product.ts'

const test = suite('an upgrade of Debian', {
  needs: ['root', 'vserver', 'debian', 'getfattr', 'apt-config'],
  timeoutMs: 500_000,
})
const it = product()
const lib = join(it.root, 'var/lib/vserver')
const names = ['old', 'other']
const nextSuite: Readonly<Record<string, string>> = {
  bullseye: 'bookworm',
  bookworm: 'trixie',
  trixie: 'sid',
}
/** A network of the host's is no part of this version. */
const netHost = `export default {
  name: 'net-host',
  api: 1,
  networkModes: [{ mode: 'host', doc: 'that of the host', namespace: 'host', steps: () => [] }],
}
`
/** Packages are not written to the disk one by one: nothing here is to outlive a power cut. */
const aptOptions = `DPkg::Options {"--force-unsafe-io";};
APT::Install-Recommends "0"; APT::Keep-Downloaded-Packages "1"; Dpkg::Use-Pty "0";
`

test.after(() => it.dispose())

/** Runs a shell script in a guest. */
async function inside(name: string, script: string, input = ''): Promise<string> {
  const environment = 'export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8'
  const words = it.argv('exec', name, '--', 'sh', '-euc', `${environment}; ${script}`)
  const [file = '', ...args] = words
  const child = spawn(file, args)
  // A command may end without reading it.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  let [out, said] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = await once(child, 'close')
  assert.is(code, 0, `${script}: ${said}${out.slice(-2000)}`)
  return out
}

const suiteOf = async (name: string) =>
  (await inside(name, '. /etc/os-release; echo $VERSION_CODENAME')).trim()
const depth = (name: string) => stackOf(lib, name).layers.length

/** A guest whose apt reaches the mirror as the host's does, and knows the next suite only. */
async function create(name: string): Promise<string> {
  const plugin = join(it.root, 'etc/vserver/plugins/net-host')
  mkdirSync(plugin, { recursive: true, mode: 0o755 })
  writeFileSync(join(plugin, 'plugin.mts'), netHost)
  it.must('create', name, '--from', `dir:${await debianTree()}`, '--set', 'network.mode=host')
  it.must('start', name, '--wait=60')
  const wanted = nextSuite[await suiteOf(name)] ?? 'sid'
  const { main } = chooseMirrors({ suite: wanted, mirror: undefined, security: 'none' })
  for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
    await inside(name, `rm -f ${file}; cat > ${file}`, readFileSync(file, 'utf8'))
  }
  const own = runCommand(['apt-config', 'dump', '--no-empty', '--format', '%f "%v";%n', 'Acquire'])
  await inside(name, 'cat > /etc/apt/apt.conf.d/99test', `${own.stdout}${aptOptions}`)
  await inside(name, 'cat > /etc/apt/sources.list', `deb ${main} ${wanted} main\n`)
  await inside(name, 'apt-get -qq update')
  return wanted
}

/** The package database is sound, and every file is what its package says. */
async function assertSound(name: string): Promise<void> {
  assert.is(await inside(name, 'dpkg --audit; apt-get -qq check'), '')
  // Configuration (c) is a guest's to change.
  const changed = (await inside(name, 'dpkg --verify || :')).split('\n')
    .filter((line) => line !== '' && !/^\S+\s+c /.test(line))
  assert.equal(changed, [])
  // dpkg reads, renames and removes what it has shared by now.
  await inside(name, 'apt-get -qq install --reinstall hostname mawk')
}

const unify = () => JSON.parse(it.must('unify', '--json'))

/** Stops the guests, seals what they have written, unifies, and starts them again. */
async function round(label: string): Promise<number> {
  it.must('stop', ...names)
  for (const name of names) it.must('snapshots', name, '--create', label)
  const before = names.map((name) => viewOf(lib, name))
  const { linked, failures } = unify()
  assert.equal(failures, [], label)
  assert.is(unify().linked, 0, label)
  names.forEach((name, i) => assertView(viewOf(lib, name), before[i] ?? [], `${name}, ${label}`))
  it.must('start', ...names, '--wait=60')
  await Promise.all(names.map(assertSound))
  return linked
}

/** Seals without end, until layers are merged. */
function pileUp(name: string): void {
  for (let i = 0, deepest = 0; depth(name) >= deepest; i++) {
    assert.ok(i < 20, `${depth(name)} layers, and none are merged`)
    deepest = depth(name)
    writeFileSync(it.guest(name, 'upper/round'), String(i))
    it.must('snapshots', name, '--create', `more-${i}`)
  }
}

test('goes on through seals, unifications and merges of layers', async () => {
  const [wanted] = await Promise.all(names.map(create))
  // One goes in steps, the other at once.
  await Promise.all([
    inside('old', 'apt-get -qq install dpkg apt'),
    inside('other', 'apt-get -qq dist-upgrade'),
  ])
  await round('begun')
  await inside('old', 'apt-get -qq upgrade')
  await round('half')
  await inside('old', 'apt-get -qq dist-upgrade; apt-get -qq autoremove')
  assert.ok(await round('done') > 1000, 'what both have upgraded is one')
  for (const name of names) assert.is(await suiteOf(name), wanted)
  it.must('stop', ...names)
  pileUp('old')
  for (const name of names) it.must('set', name, '--unset', 'network.mode')
  it.must('start', ...names, '--wait=60')
  for (const name of names) {
    await assertRuns(name)
    await assertSound(name)
  }
})

async function assertRuns(name: string): Promise<void> {
  const state = await inside(name, 'systemctl is-system-running --wait || :')
  assert.is(state, 'running\n', await inside(name, 'systemctl --failed'))
}

test.run()
