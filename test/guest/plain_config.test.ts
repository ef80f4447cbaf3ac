/**
 * The short way around YAML comes to what YAML comes to.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { parseDocument } from 'yaml'
import { newGuestYaml } from '../../core/cli/new_yaml.ts'
import { plainGuestYaml } from '../../core/cli/plain_yaml.ts'
import { parseGuestFile } from '../../core/guest/config_file.ts'
import { plainGuestFile, plainMapping } from '../../core/guest/plain_config.ts'
import none from '../../plugins/net-none/index.ts'
import { suite } from '../support/suite.ts'

const test = suite('plainMapping()')

const modes = none.networkModes

const words = [
  ...[
    'a',
    'web',
    'debian:trixie',
    'dir:/srv/tree',
    'tar:/a-b_c.tar.gz',
    'true',
    'false',
    'True',
    'TRUE',
  ],
  ...[
    'null',
    'Null',
    '~',
    'yes',
    'No',
    'on',
    'y',
    '10s',
    '1h',
    '500ms',
    '1e3',
    '10',
    '0x10',
    '0o7',
    '-1',
  ],
  ...[
    '.inf',
    '.NaN',
    'a:',
    'a: b',
    'a #b',
    'a#b',
    '"a"',
    "'a'",
    '&a',
    '*a',
    '!a',
    '|',
    '>',
    '[a]',
    '{a: b}',
  ],
  ...[
    '@a',
    '`a',
    '%a',
    '- a',
    '?a',
    'a,b',
    'a b',
    'a@b',
    'a+b',
    'a-',
    'a:b:c',
    'é',
    'a\r',
    'a\t',
    '',
    ' a',
  ],
  ...['...', '---', 'infinity', 'e5', '1_000', '12:30:45', '2001-01-01', '<<', '='],
]
const texts = [
  ...words.flatMap((
    word,
  ) => [`from: ${word}\n`, `from: ${word}`, `# c\n\nfrom: ${word}\nhostname: web\n`]),
  ...words.map((word) => `${word}: web\n`),
  ...[
    '',
    '\n',
    '# only\n',
    '#\n#x',
    'from: a\nfrom: b\n',
    'from: a\n b\n',
    ' from: a\n',
    'from:  a\n',
  ],
  ...[
    'from: a # c\n',
    'from: a\n# c\r\n',
    '\ufefffrom: a\n',
    'from:\n',
    'from\n',
    '---\nfrom: a\n',
  ],
  ...[
    'from: a\n...\n',
    '%YAML 1.2\n---\nfrom: a\n',
    '__proto__: a\n',
    'constructor: a\n',
    'from: a\n\n\n#',
  ],
]

test('reads as YAML does, or not at all', () => {
  let plain = 0
  for (const text of texts) {
    const mapping = plainMapping(text)
    if (mapping === undefined) continue
    plain++
    const document = parseDocument(text)
    assert.equal(document.errors, [], text)
    assert.equal(document.warnings, [], text)
    assert.equal({ ...mapping }, document.toJS() ?? {}, text)
  }
  assert.ok(plain > 40, `${plain} texts`)
})

test('reads words of letters and signs, whatever their order, as YAML does', () => {
  const letters = ['a', 'E', '1', '0', '.', '/', ':', '@', '+', '_', '-', 'x', 't']
  let state = 1
  const next = (below: number) => (state = (state * 48271) % 2147483647) % below
  for (let count = 0; count < 20_000; count++) {
    const word = Array.from({ length: 1 + next(6) }, () => letters[next(letters.length)]).join('')
    const mapping = plainMapping(`key: ${word}\n`)
    if (mapping === undefined) continue
    const document = parseDocument(`key: ${word}\n`)
    assert.equal([document.errors, document.toJS()], [[], { ...mapping }], word)
  }
})

test('plainGuestFile() gives what parseGuestFile() gives, and leaves what is wrong to it', () => {
  const good = '# c\nfrom: debian:trixie\nautostart: true\nstopTimeout: 10s\nhostname: www\n'
  assert.equal(plainGuestFile(good, modes), parseGuestFile({ file: 'x', text: good }, modes))
  for (const text of ['form: a\n', 'autostart: web\n', 'hostname: a/b\n', 'constructor: a\n']) {
    assert.is(plainGuestFile(text, modes), undefined)
  }
})

test('plainGuestYaml() writes what newGuestYaml() writes', () => {
  const long = `dir:/${'long/'.repeat(60)}path`
  for (const from of [...words, long]) {
    const text = plainGuestYaml(from)
    if (text !== undefined) assert.is(text, newGuestYaml({ from, settings: [] }), from)
  }
  for (const from of ['debian:trixie', 'dir:/srv/tree', long]) assert.ok(plainGuestYaml(from))
})

test.run()
