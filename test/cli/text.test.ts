import * as assert from 'uvu/assert'
import { formatRows } from '../../core/cli/check.ts'
import { escapeForTerminal } from '../../core/cli/escape.ts'
import { renderHelp } from '../../core/cli/help.ts'
import { lastLines } from '../../core/cli/logs.ts'
import { newGuestYaml, parseSetting } from '../../core/cli/new_yaml.ts'
import { progressLine } from '../../core/cli/output.ts'
import { renderError } from '../../core/cli/report.ts'
import { verbTable } from '../../core/cli/verb_table.ts'
import { VServerError } from '../../core/errors.ts'
import { suite } from '../support/suite.ts'

const test = suite('escapeForTerminal()')

test('leaves text, tabs and line ends', () => {
  const text = 'grün\tüber\n日本 🎉\n'
  assert.is(escapeForTerminal(Buffer.from(text)), text)
  assert.is(escapeForTerminal(Buffer.from('a\r\nb\r')), 'a\nb')
})

test('drops what only colours, and carriage returns at the end of a line', () => {
  const shown = escapeForTerminal(Buffer.from('[\x1b[0;32m  OK  \x1b[0m] up\r\r\n\x1b[1;2H'))
  assert.is(shown, '[  OK  ] up\n\\x1b[1;2H')
})

test('shows everything that a terminal would act on', () => {
  assert.is(escapeForTerminal(Buffer.from('\x1b[2J\x07\x00\x7f')), '\\x1b[2J\\x07\\x00\\x7f')
  assert.is(escapeForTerminal(Buffer.from('50%\r100%')), '50%\\x0d100%')
  assert.is(escapeForTerminal(Buffer.from('\u009b31m')), '\\xc2\\x9b31m', 'C1 as UTF-8')
  assert.is(escapeForTerminal(Buffer.from([0x9b, 0x41])), '\\x9bA', 'C1 as a byte')
  assert.is(escapeForTerminal(Buffer.from('\u202eabc')), '\\xe2\\x80\\xaeabc')
})

test('shows bytes that are no UTF-8', () => {
  assert.is(escapeForTerminal(Buffer.from([0xc3])), '\\xc3')
  assert.is(escapeForTerminal(Buffer.from([0xc3, 0x41])), '\\xc3A')
  assert.is(escapeForTerminal(Buffer.from([0xed, 0xa0, 0x80])), '\\xed\\xa0\\x80', 'a surrogate')
  assert.is(escapeForTerminal(Buffer.from([0xc0, 0x80])), '\\xc0\\x80', 'overlong')
  assert.is(escapeForTerminal(Buffer.from([0xf8, 0x88])), '\\xf8\\x88')
})

test('lets no control character through, whatever the bytes', () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second += 5) {
      const shown = escapeForTerminal(Uint8Array.of(first, second, 0x80))
      // deno-lint-ignore no-control-regex
      assert.not(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(shown), JSON.stringify(shown))
    }
  }
})

test('help fits 80 columns', () => {
  for (const verb of [undefined, ...verbTable]) {
    for (const line of renderHelp(verb).split('\n')) assert.ok(line.length <= 80, line)
  }
})

test('hints name the root that the command line named', () => {
  const error = new VServerError('E_NOT_RUNNING', 'Cannot', {
    hint:
      'vserver start web starts it; vserver --help shows the verbs; use the vserver that wrote it',
  })
  assert.is(
    renderError(error, { json: false, root: '/srv/x' }).split('\n')[1],
    '  vserver --root /srv/x start web starts it; vserver --help shows the verbs; ' +
      'use the vserver that wrote it',
  )
  assert.match(renderError(error, { json: false }), / {2}vserver start web/)
})

test('lastLines() counts a line without its end', () => {
  const text = Buffer.from('a\nb\nc')
  assert.is(lastLines(text, 1).toString(), 'c')
  assert.is(lastLines(text, 2).toString(), 'b\nc')
  assert.is(lastLines(text, 3).toString(), 'a\nb\nc')
  assert.is(lastLines(text, 9).toString(), 'a\nb\nc')
  assert.is(lastLines(Buffer.from('a\nb\n'), 1).toString(), 'b\n')
  assert.is(lastLines(text, 0).toString(), '')
  assert.is(lastLines(Buffer.alloc(0), 3).toString(), '')
  assert.is(lastLines(text, Infinity), text)
})

test('newGuestYaml() writes settings in their places', () => {
  const yaml = newGuestYaml({
    from: 'dir:/srv/x',
    settings: ['network.mode=none', 'after=[db, cache]', 'stopTimeout=10s', 'init=/bin/true'],
  })
  const body = yaml.split('\n').filter((line) => !line.startsWith('#')).join('\n').trim()
  assert.is(
    body,
    'from: dir:/srv/x\nnetwork:\n  mode: none\nafter:\n  - db\n  - cache\n' +
      'stopTimeout: 10s\ninit: /bin/true',
  )
  assert.ok(yaml.startsWith('# Configuration of this guest.'))
})

test('parseSetting() reads YAML in flow style', () => {
  assert.equal(parseSetting('a.b={ x: [1, "2"] }'), { path: ['a', 'b'], value: { x: [1, '2'] } })
  assert.equal(parseSetting('a='), { path: ['a'], value: null })
  assert.equal(parseSetting('a=b=c'), { path: ['a'], value: 'b=c' })
})

for (const setting of ['a', '=b', 'a b=c', '.a=b', 'a..b=c', '__proto__.x=1', 'a=[', 'a=: :']) {
  test(`parseSetting() refuses ${setting}`, () => {
    assert.throws(
      () => parseSetting(setting),
      (error: unknown) => error instanceof VServerError && error.code === 'E_USAGE',
    )
  })
}

test('progressLine() fits the terminal', () => {
  const event = { phase: 'copy', done: 1234, total: 5678, unit: 'files' } as const
  assert.is(progressLine(event, 80), 'copy 1,234 of 5,678 files (21 %)')
  assert.is(progressLine(event, 10).length, 9)
  assert.is(
    progressLine({ phase: 'unpack', done: 3 * 2 ** 20, unit: 'bytes' }, 80),
    'unpack 3.0 MiB',
  )
  assert.is(progressLine({ phase: 'write to disk' }, 80), 'write to disk')
})

test('renderHelp() names every verb, and shows examples of each', () => {
  const help = renderHelp(undefined)
  for (const info of verbTable) {
    assert.ok(help.includes(`\n  ${info.verb} `), info.verb)
    const own = renderHelp(info)
    for (const example of info.examples) assert.ok(own.includes(`  ${example}\n`), example)
    for (const line of own.split('\n')) assert.ok(line.length <= 100, line)
  }
})

test('formatRows() says what to do about what is missing', () => {
  const row = { feature: 'a', found: true, needed: 'start', remedy: '', detail: 'tried' }
  assert.ok(formatRows([row]).endsWith('\nThis host can run guests.\n'))
  const text = formatRows([row, { ...row, feature: 'b', found: false, remedy: 'buy one' }])
  assert.ok(text.includes('cannot run guests: 1 of'))
  assert.ok(text.endsWith('\n  b: buy one\n'))
})

test.run()
