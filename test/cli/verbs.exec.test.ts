import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { openSession } from '../../core/plan/session.ts'
import { takeLock } from '../../core/host/lock.ts'
import { executorPath } from '../support/paths.ts'
import { makeTree, program } from './program.ts'

const test = suite('vserver', { needs: ['root'], timeoutMs: 60_000 })
const it = program()
test.before(() => {
  const tree = makeTree(join(it.scratch, 'tree'))
  const ran = it.run('create', 'web', '--from', `dir:${tree}`)
  if (ran.code !== 0) throw new Error(ran.stderr)
})
test.after(() => it.dispose())
const guest = (...parts: readonly string[]) => join(it.root, 'var/lib/vserver/guests/web', ...parts)

test('list and status show a guest that was never started', () => {
  assert.match(
    it.run('list').stdout,
    /^NAME +STATE +PID +UPTIME +FROM\nweb +created +- +- +dir:\S+\n$/,
  )
  assert.is(it.run('list', '--quiet').stdout, 'web\n')
  const [one] = JSON.parse(it.run('status', 'web', '--json').stdout)
  assert.is(one.state, 'created')
  assert.is(one.network.mode, 'none')
  assert.is(it.run('web', 'status').stdout, it.run('status', 'web').stdout)
})

test('verbs know which guests do not exist, and still do the others', () => {
  for (const verb of ['start', 'stop', 'kill', 'status', 'exec', 'enter', 'console', 'logs']) {
    const ran = it.run(verb, 'nobody', ...(verb === 'exec' ? ['true'] : []))
    assert.is(ran.code, 4, ran.stderr)
    assert.match(ran.stderr, /"nobody": there is no such guest/)
  }
  const ran = it.run('list', 'nobody', 'web')
  assert.is(ran.code, 4)
  assert.match(ran.stdout, /^web /m)
})

test('verbs that need a running guest end with 3', () => {
  for (const words of [['exec', 'web', '--', 'id'], ['enter', 'web'], ['console', 'web']]) {
    const ran = it.run(...words)
    assert.is(ran.code, 3, ran.stderr)
    assert.match(ran.stderr, /"web": it is not running\n {2}vserver start web starts it\n/)
  }
})

test('--json puts errors on stderr as one object', () => {
  const ran = it.run('status', 'nobody', '--json')
  assert.is(ran.stdout, '[]\n')
  const { error } = JSON.parse(ran.stderr)
  assert.equal(Object.keys(error), ['code', 'message', 'hint', 'details'])
  assert.is(error.code, 'E_GUEST_UNKNOWN')
})

test('a held lock is an error that names its holder', async () => {
  await using session = await openSession(executorPath)
  const path = join(it.root, 'run/vserver/guests/web/lock')
  const got = await takeLock(session, path, { verb: 'unify', timeoutMs: 0 })
  assert.ok('lock' in got)
  const ran = it.run('destroy', 'web', '--yes', '--lock-timeout', '0.1')
  assert.is(ran.code, 5)
  assert.ok(ran.stderr.includes(`it is locked by pid ${process.pid} (vserver unify)`), ran.stderr)
})

test('destroy asks nobody where nobody can answer', () => {
  const ran = it.run('destroy', 'web')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /vserver destroy web --yes/)
})

test('logs shows the older file first, and the last lines', () => {
  writeFileSync(guest('console.log.1'), 'one\ntwo\n')
  writeFileSync(guest('console.log'), 'three\n\x1b[31mfour\n')
  assert.is(it.run('logs', 'web').stdout, 'one\ntwo\nthree\n\x1b[31mfour\n')
  assert.is(it.run('logs', 'web', '-n', '3').stdout, 'two\nthree\n\x1b[31mfour\n')
  const lines = it.run('logs', 'web', '-n1', '--json').stdout
  assert.equal(JSON.parse(lines), { line: '\x1b[31mfour' })
  assert.is(it.run('logs', 'web', '-n', 'x').code, 2)
})

test('logs -f goes on, also when a new file is begun, until ^C', async () => {
  writeFileSync(guest('console.log'), 'old\n')
  rmSync(guest('console.log.1'), { force: true })
  const { kill, ended } = it.start('logs', '-f', 'web')
  await sleep(600)
  writeFileSync(guest('console.log'), 'more\n', { flag: 'a' })
  await sleep(300)
  rmSync(guest('console.log'))
  writeFileSync(guest('console.log'), 'new\n')
  await sleep(400)
  kill('SIGINT')
  const { code, stdout } = await ended
  assert.is(stdout, 'old\nmore\nnew\n')
  assert.is(code, 130)
})

test('explain prints plans that parse, steps, and the schema', async () => {
  const { parse } = await import('../../core/plan/parse.ts')
  for (const verb of ['start', 'stop', 'exec']) {
    const ran = it.run('explain', verb, 'web', '--plan')
    assert.is(ran.code, 0, ran.stderr)
    assert.ok(parse(ran.stdout).programs.length > 0)
  }
  const steps = JSON.parse(it.run('explain', 'start', 'web', '--json').stdout)
  assert.ok(steps.some((step: { plugin: string }) => step.plugin === 'net-none'))
  assert.is(JSON.parse(it.run('explain', '--schema').stdout).type, 'object')
  assert.is(it.run('explain', 'list', 'web').code, 2)
})

test('explain --file checks a file without a guest', () => {
  const file = join(it.scratch, 'guest.yaml')
  writeFileSync(file, 'autostart: true\n')
  assert.is(it.run('explain', '--file', file, '--check').stdout, `${file} is valid\n`)
  writeFileSync(file, 'autostart: true\nstopTimout: 1s\n')
  const ran = it.run('explain', '--file', file, '--check')
  assert.is(ran.code, 2)
  assert.match(
    ran.stderr,
    /guest.yaml": line 2, column 1: "stopTimout" is not a key\n +did you mean/,
  )
})

test('a broken guest.yaml is named with file, line and key, and other guests are still shown', () => {
  const good = readFileSync(guest('guest.yaml'), 'utf8')
  writeFileSync(guest('guest.yaml'), `${good}mounts: [{ source: a, target: /b }]\n`)
  const ran = it.run('start', 'web')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /guests\/web\/guest.yaml": line 5, column 20: "mounts.0.source"/)
  writeFileSync(guest('guest.yaml'), good)
})

test('guests that wait for each other are an error', () => {
  const good = readFileSync(guest('guest.yaml'), 'utf8')
  const tree = join(it.scratch, 'tree')
  assert.is(it.run('create', 'db', '--from', `dir:${tree}`, '--set', 'after=[web]').code, 0)
  writeFileSync(guest('guest.yaml'), `${good}after: [db]\n`)
  const ran = it.run('start', 'web', 'db')
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /web comes after db comes after web/)
  writeFileSync(guest('guest.yaml'), good)
})

test('check finds every feature that this host must have for the other tests', () => {
  const ran = it.run('check', '--json')
  const rows: readonly { feature: string; found: boolean; needed: string }[] = JSON.parse(
    ran.stdout,
  )
  assert.ok(rows.length > 10)
  assert.equal(rows.filter(({ found, needed }) => !found && needed === 'start'), [])
  assert.is(ran.code, 0)
})

test('--version and --help load neither yaml nor valibot', () => {
  const hook = 'import{registerHooks}from"node:module";registerHooks({resolve(s,c,n){' +
    'const r=n(s,c);process.stderr.write(r.url+"\\n");return r}})'
  const before = process.env['NODE_OPTIONS']
  process.env['NODE_OPTIONS'] = `--import=data:text/javascript,${encodeURIComponent(hook)}`
  try {
    const loaded = program()
    for (const word of ['--version', '--help']) {
      const ran = loaded.run(word)
      assert.is(ran.code, 0, ran.stderr)
      assert.match(ran.stderr, /core\/main\.ts/)
      assert.not(/node_modules\/(yaml|valibot)/.test(ran.stderr), ran.stderr)
      assert.not(/core\/(context|plan\/session)/.test(ran.stderr), ran.stderr)
    }
    rmSync(join(loaded.scratch, '..'), { recursive: true })
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
})

test.run()
