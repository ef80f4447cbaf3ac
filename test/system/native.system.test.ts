/**
 * One behaviour, two speeds: every native verb says and does the same when the appliance runs it.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { debianTree } from '../support/debian.ts'
import { suite } from '../support/suite.ts'
import { product, type Ran } from './product.ts'

const test = suite('the native verbs and the appliance', {
  needs: ['root', 'vserver', 'debian'],
  timeoutMs: 240_000,
})

const vserver = product()

/** A life, from a start to the next: each line is one command. */
const life: readonly (readonly string[])[] = [
  ['start', 'web', '--wait'],
  ['start', 'web'],
  ['start', 'web', '--quiet'],
  ['start', 'web', '--json'],
  ['start', '--all'],
  ['start', '--all', '--json'],
  ['start', '--all', '--quiet', '--wait'],
  ['web', 'status'],
  ['list'],
  ['list', '--json'],
  ['list', '--quiet'],
  ['list', 'web'],
  ['list', 'nope'],
  ['status', 'web'],
  ['status', 'web', '--json'],
  ['status', 'web', 'nope'],
  ['--json', 'status', 'nope'],
  ['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'],
  ['exec', 'web', '--', 'cat'],
  ['exec', 'web', '--', 'sh', '-c', 'kill -TERM $$'],
  [
    'exec',
    '-e',
    'A=1 2',
    '-w',
    '/tmp',
    'web',
    '--',
    'sh',
    '-c',
    'echo "$A" "$HOME"; pwd; umask; id',
  ],
  ['exec', 'web', '--', 'sh', '-c', 'env | sort | grep -v ^PWD; ulimit -a; cat /proc/self/cgroup'],
  ['exec', 'web', '--', 'no-such-command'],
  ['exec', 'web', '--', '/etc/passwd'],
  ['exec', '-w', '/no/such', 'web', '--', 'true'],
  ['exec', 'nope', '--', 'true'],
  ['web', 'exec', 'true'],
  ['enter', 'web'],
  ['kill', '-s', 'HUP', 'web'],
  ['stop', 'web'],
  ['stop', 'web'],
  ['kill', 'web'],
  ['exec', 'web', '--', 'true'],
  ['enter', 'web'],
  ['list'],
  ['status', 'web'],
  ['start', 'web'],
  ['kill', 'web'],
  ['status', 'web', '--json'],
  ['start', 'nope'],
  ['stop', 'nope'],
  ['kill', 'nope'],
  ['enter', 'nope'],
]

/** What differs between any two lives: pids, times, and how long something has run. */
function normal(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/"(initPid|uptimeMs)":\d+/g, '"$1":N')
    .replace(/(init pid +|running +)\d+/g, '$1N')
    .replace(/\b\d+[smhd]( \d+[smhd])?\b/g, 'SPAN')
    .replace(/ +/g, ' ')
}

function live(native: boolean): readonly (Ran & { readonly words: string })[] {
  // Both lives begin with the same last exit.
  vserver.must('start', 'web', '--wait')
  vserver.must('stop', 'web')
  return life.map((words) => {
    const ran = vserver.run(words, {
      input: 'line\n',
      timeoutMs: 60_000,
      env: { VSERVER_NATIVE: native ? '1' : '0' },
    })
    return {
      words: words.join(' '),
      code: ran.code,
      stdout: normal(ran.stdout),
      stderr: normal(ran.stderr),
    }
  })
}

test('say and do the same', async () => {
  vserver.must('create', 'web', '--from', `dir:${await debianTree()}`)
  const native = live(true)
  const appliance = live(false)
  native.forEach((one, index) => assert.equal(appliance[index], one, one.words))
  // The table is worth something only while its commands do what they are there for.
  const code = (words: string) => native.find((one) => one.words.startsWith(words))?.code
  assert.is(code('exec web -- sh -c echo out'), 7)
  assert.is(code('exec web -- sh -c kill'), 143)
  assert.is(code('exec web -- no-such'), 127)
  assert.is(code('exec web -- /etc/passwd'), 126)
  assert.is(code('exec nope'), 4)
  assert.is(native.findLast((one) => one.words === 'exec web -- true')?.code, 3)
})

test('need no JavaScript once a plan is kept', () => {
  const [build = ''] = readdirSync(join(vserver.root, 'var/lib/vserver/runtime'))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
  const node = join(vserver.root, 'var/lib/vserver/runtime', build, 'node')
  vserver.must('start', 'web', '--wait')
  vserver.must('stop', 'web')
  renameSync(node, `${node}.away`)
  try {
    vserver.must('start', 'web', '--wait')
    assert.is(vserver.must('exec', 'web', '--', 'systemctl', 'is-system-running'), 'running\n')
    vserver.must('status', 'web')
    vserver.must('list', '--json')
    vserver.must('stop', 'web')
    vserver.must('start', 'web')
    vserver.must('kill', 'web')
    // Whatever had started the appliance would have unpacked the runtime again.
    assert.not(existsSync(node))
  } finally {
    renameSync(`${node}.away`, node)
  }
})

test.after(() => vserver.dispose())
test.run()
