import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite, type TestContext } from '../support/suite.ts'
import { failure, plan, session } from './support.ts'

const test = suite('PRUNE', { needs: ['executor', 'root', 'cgroup2'], timeoutMs: 30_000 })

/** Where hierarchies of a kind are mounted; empty on hosts that have none. */
function hierarchies(type: string, option: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) =>
    line.split(' ')
  )
  return mounts.flatMap(([, at = '', kind, options = '']) =>
    kind === type && (option === '' || options.split(',').includes(option)) ? [at] : []
  ).slice(0, 1)
}

/** A group of our own, which is gone when the test ends. */
function group({ cleanup }: TestContext, hierarchy: string): string {
  const path = join(hierarchy, `vserver-test-${process.pid}`)
  mkdirSync(path)
  cleanup(() => {
    if (existsSync(path)) rmdirSync(path)
  })
  return path
}

/** Starts something in a cgroup that has to be killed to end. */
async function stubborn({ cleanup }: TestContext, cgroup: string): Promise<ChildProcess> {
  const script = 'trap "" TERM INT HUP; echo $$ > "$0/cgroup.procs" && echo in; ' +
    'while :; do sleep 0.05; done'
  const child = spawn('sh', ['-c', script, cgroup], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanup(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child
}

const ended = (child: ChildProcess) =>
  child.signalCode ? Promise.resolve() : new Promise((resolve) => child.once('exit', resolve))

const prune = (hierarchy: string, name: string) =>
  plan((main) => {
    const dir = main.keep('openat', [-100, hierarchy, 0o10200000, 0])
    main.emit('PRUNE', [dir, name])
    main.call('close', [dir])
  })

const kinds: readonly (readonly [what: string, type: string, option: string])[] = [
  ['cgroup2', 'cgroup2', ''],
  ['v1 with the freezer', 'cgroup', 'freezer'],
  ['v1 without the freezer', 'cgroup', 'pids'],
]

for (const [what, type, option] of kinds) {
  for (const hierarchy of hierarchies(type, option)) {
    test(`kills and removes a busy tree: ${what}`, async (t) => {
      const opened = await session(t)
      const top = group(t, hierarchy)
      for (const sub of ['a/b/c', 'a/d', 'e']) mkdirSync(join(top, sub), { recursive: true })
      const inside = [
        await stubborn(t, join(top, 'a/b/c')),
        await stubborn(t, join(top, 'a/b/c')),
        await stubborn(t, join(top, 'e')),
      ]
      if (type === 'cgroup') inside.push(await stubborn(t, top))
      const beside = spawn('sleep', ['30'])
      t.cleanup(() => beside.kill('SIGKILL'))
      const started = performance.now()
      await opened.run(prune(hierarchy, top.slice(hierarchy.length + 1)))
      assert.not(existsSync(top))
      assert.ok(performance.now() - started < 2000)
      await Promise.all(inside.map(ended))
      assert.equal(inside.map(({ signalCode }) => signalCode), inside.map(() => 'SIGKILL'))
      assert.is(beside.signalCode, null)
    })

    test(`removes an idle tree, and takes a missing one for removed: ${what}`, async (t) => {
      const opened = await session(t)
      const top = group(t, hierarchy)
      mkdirSync(join(top, 'a/b'), { recursive: true })
      await opened.run(prune(hierarchy, top.slice(hierarchy.length + 1)))
      assert.not(existsSync(top))
      await opened.run(prune(hierarchy, top.slice(hierarchy.length + 1)))
      await opened.run(prune(hierarchy, 'vserver-no-such-group/child'))
    })
  }
}

for (const hierarchy of hierarchies('cgroup', 'freezer')) {
  test('does not kill itself, and gives up with EBUSY', async (t) => {
    const opened = await session(t)
    const top = group(t, hierarchy)
    const name = top.slice(hierarchy.length + 1)
    const move = (to: string) =>
      plan((main) => {
        const file = main.keep('openat', [-100, join(to, 'cgroup.procs'), 1, 0])
        main.call('write', [file, '0', 1])
        main.call('close', [file])
      })
    await opened.run(move(top))
    const started = performance.now()
    assert.is((await failure(opened, prune(hierarchy, name))).errnoName, 'EBUSY')
    assert.ok(performance.now() - started > 4000)
    await opened.run(move(hierarchy))
    assert.ok(readdirSync(top).length > 0)
    await opened.run(prune(hierarchy, name))
  }, { timeoutMs: 15_000 })
}

test('never touches files', async (t) => {
  const opened = await session(t)
  const [hierarchy = ''] = hierarchies('cgroup2', '')
  const top = group(t, hierarchy)
  writeFileSync(join(top, 'cgroup.max.depth'), '3')
  const name = top.slice(hierarchy.length + 1)
  assert.is((await failure(opened, prune(hierarchy, `${name}/cgroup.procs`))).errnoName, 'ENOTDIR')
  await opened.run(prune(hierarchy, name))
})

test.run()
