import * as assert from 'uvu/assert'
import { readdirSync } from 'node:fs'
import { renderHelp } from '../../core/cli/help.ts'
import { suite } from '../support/suite.ts'
import { world } from './support/world.ts'

const test = suite('what the front door understands', {
  needs: ['root', 'executor', 'gcc'],
  timeoutMs: 30_000,
})
const w = world()
test.before(() => w.guest('web', ['term']))
test.after(() => w.destroy())

/** Whether the front door left the words to the appliance (which says so when it is the caller). */
function left(...words: readonly string[]): boolean {
  const { status, stderr } = w.runNative(...words)
  return status === 1 && /the executor does not understand it/.test(stderr)
}

test('leaves to the appliance what it does not know', () => {
  const unknown: readonly (readonly string[])[] = [
    [],
    ['help'],
    ['--help'],
    ['create', 'web'],
    ['start'],
    ['start', '--all', 'web'],
    ['stop', '--all'],
    ['start', 'web', '--frobnicate'],
    ['start', 'web', '--timeout', '3'],
    ['start', 'web', '--wait=soon'],
    ['start', 'web', '--wait=-1'],
    ['start', '--', 'web'],
    ['stop', 'web', '--timeout'],
    ['stop', 'web', '--timeout', '1y'],
    ['stop', 'web', '--timeout', '99999999999'],
    ['kill', '-s', 'NOPE', 'web'],
    ['kill', '-s', '0', 'web'],
    ['kill', '-s', '65', 'web'],
    ['exec', 'web'],
    ['exec', 'web', '--'],
    ['exec', '-t', '-T', 'web', 'true'],
    ['exec', '-e', 'novalue', 'web', 'true'],
    ['exec', '-e', '=x', 'web', 'true'],
    ['exec', '-x', 'web', 'true'],
    ['enter', 'web', 'db'],
    ['enter'],
    ['status'],
    ['list', '--lock-timeout', 'soon'],
    ['--root'],
    ['--root', '/tmp/../etc', 'list'],
    ['--root=', 'list'],
  ]
  for (const words of unknown) assert.ok(left(...words), words.join(' '))
})

test('takes no bad name for a guest', () => {
  const names = [
    '..',
    '.',
    'a/b',
    'a b',
    'Web',
    'web\n',
    '-web',
    '',
    '__proto__',
    'x'.repeat(64),
    'x'.repeat(300),
    'wéb',
  ]
  for (const verb of ['start', 'stop', 'kill', 'status', 'list', 'enter']) {
    for (const name of names) assert.ok(left(verb, name), `${verb} ${JSON.stringify(name)}`)
  }
  for (const name of names) assert.ok(left('exec', name, 'true'), `exec ${JSON.stringify(name)}`)
  assert.equal(readdirSync(w.runDir('')), ['web'])
})

test('an unknown name in the historical order may be a verb of the appliance', () => {
  for (const verb of ['start', 'stop', 'kill', 'status', 'list', 'enter', 'exec']) {
    const { status, stderr } = w.runNative('nobody', verb, ...(verb === 'exec' ? ['true'] : []))
    if (verb === 'enter') continue
    assert.is(status, 1, verb)
    assert.match(stderr, 'kept plan is not valid')
  }
})

test('understands times with units, roots of every spelling, and signals by any name', () => {
  for (const time of ['0', '3', '500ms', '2s', '1m', '1h', '1d']) {
    assert.is(w.run('--lock-timeout', time, 'list', '--quiet').stdout, 'web\n')
  }
  for (const root of [w.root, `${w.root}/`]) {
    assert.is(
      w.runWith({ VSERVER_ROOT: '/nowhere' }, 'list', '--quiet', '--root', root).stdout,
      'web\n',
    )
  }
  for (const signal of ['TERM', 'SIGTERM', '15', 'RTMIN+3', 'SIGRTMAX', 'RTMAX-1']) {
    assert.is(w.run('kill', '-s', signal, 'web').status, 3)
  }
})

test('does nothing natively when it is told so', () => {
  const { status, stdout } = w.runWith({ VSERVER_NATIVE: '0' }, 'list', '--quiet')
  assert.is.not(`${status} ${stdout}`, '0 web\n')
})

test('--help and --version need no runtime', () => {
  const ran = w.run('--help')
  assert.equal([ran.status, ran.stdout, ran.stderr], [0, renderHelp(undefined), ''])
  for (const word of ['-h', 'help']) assert.is(w.run(word).stdout, ran.stdout)
  for (const word of ['--version', '-v']) {
    assert.match(w.run(word).stdout, /^vserver \d+\.\d+\.\d+ \([0-9a-f]{12}\)\n$/)
  }
  assert.match(w.run('--frobnicate').stderr, /Cannot start the runtime/)
})

test('an empty --root is refused before anything is unpacked', () => {
  for (const words of [['--root', '', 'check'], ['check', '--root=']]) {
    const ran = w.run(...words)
    assert.is(ran.status, 2)
    assert.match(ran.stderr, /--root is empty\n {2}name a directory/)
  }
})

test('hints name the root that the words named', () => {
  const env = { VSERVER_ROOT: '' }
  const stopped = w.runWith(env, '--root', w.root, 'exec', 'web', 'true')
  assert.ok(stopped.stderr.includes(`\n  vserver --root ${w.root} start web starts it\n`))
  assert.match(w.run('exec', 'web', 'true').stderr, /\n {2}vserver start web starts it\n/)
})

test('list of an unknown guest alone prints no table', () => {
  assert.equal([w.run('list', 'nobody').stdout, w.run('list', 'nobody').status], ['', 4])
})

test('the environment does not say that all is compiled', ({ cleanup }) => {
  const w = world()
  cleanup(w.destroy)
  w.guest('web', ['term'])
  for (const words of [['config', 'web'], ['check'], ['start', 'nothing-kept']]) {
    const { stderr } = w.runWith({ VSERVER_COMPILED: '1', VSERVER_LOCKED: '1' }, ...words)
    assert.match(stderr, /Cannot start the runtime|there is no such guest/)
  }
})

test.run()
