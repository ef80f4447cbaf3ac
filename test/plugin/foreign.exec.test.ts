/**
 * Plugins of a root: loaded, refused, tested; and the example of the README. @limit 300 s
 *
 * @module
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeTree, program } from '../cli/program.ts'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('plugins of a root', { needs: ['root'], timeoutMs: 60_000 })
const it = program()
test.after(() => it.dispose())
const directory = join(it.root, 'etc/vserver/plugins')
test.before(() => mkdirSync(directory, { recursive: true, mode: 0o755 }))
test.after.each(() => rmSync(join(directory), { recursive: true, force: true }))
test.before.each(() => mkdirSync(directory, { recursive: true, mode: 0o755 }))

/** Installs a plugin. */
function install(name: string, text: string, file = 'plugin.mjs'): string {
  const place = join(directory, name)
  mkdirSync(place, { mode: 0o755 })
  writeFileSync(join(place, file), text, { mode: 0o644 })
  return place
}

const mode = (name: string) =>
  `{ mode: '${name}', doc: 'a mode', namespace: 'own', steps: () => [] }`
const plugin = (name: string, rest: string) => `export default { name: '${name}', api: 1, ${rest} }`

/** What the README shows, under the path that it names. */
function example(): { name: string; text: string } {
  const readme = readFileSync(inRepository('README.md'), 'utf8')
  const found = /<!-- plugin example: \S+\/plugins\/(\S+)\/plugin\.mts -->\n```ts\n([^]*?)```\n/
    .exec(readme)
  const [, name, text] = found ?? []
  if (name === undefined || text === undefined) throw new Error('the README has no example')
  return { name, text }
}

test('the example of the README works', ({ cleanup }) => {
  const { name, text } = example()
  const place = install(name, text, 'plugin.mts')
  const rows: readonly { kind: string; name: string; plugin: string; path: string | null }[] = JSON
    .parse(it.run('plugins', '--json').stdout)
  assert.equal(
    rows.filter(({ path }) => path !== null).map((row) => [row.kind, row.name, row.plugin]),
    [['network mode', 'host', name], ['command', 'layers', name]],
  )
  assert.match(it.run('plugins').stdout, /^network mode +none +net-none +built in$/m)
  const ran = it.run('plugins', '--test', place)
  assert.is(ran.code, 0, ran.stdout + ran.stderr)
  assert.match(ran.stdout, /\n\d+ passed, 0 failed\n$/)
  assert.is(it.run('layers', '--count').stdout, '0\n')
  assert.equal([it.run('layers').code, it.run('layers').stdout], [0, ''])
  assert.match(it.run('layers', '--help').stdout, /--count +only say how many there are/)
  assert.is(it.run('layers', '--cuont').code, 2)
  const from = ['--from', `dir:${makeTree(join(it.scratch, 'tree'))}`]
  cleanup(() => it.run('destroy', 'web', '--yes'))
  const created = it.run('create', 'web', ...from, '--set', 'network.mode=host')
  assert.is(created.code, 0, created.stderr)
  rmSync(place, { recursive: true })
  const without = it.run('start', 'web')
  assert.is(without.code, 2)
  assert.match(without.stderr, /"network.mode"/)
  assert.is(it.run('layers').code, 2)
})

test('a plugin has options, defaults and files beside it', () => {
  const text = `import { word } from './word.mts'
    export default { name: 'say', api: 1, commands: [{
      verb: 'say', doc: 'say it', positional: '[...words]', examples: ['vserver say'],
      options: {
        maxAge: { kind: 'number', unit: 'time', default: '2s', doc: 'an age' },
        only: { kind: 'list', doc: 'a list', optional: true },
      },
      run: (words: string[], options: object, { print }: { print(text: string): void }) => {
        print(JSON.stringify({ word, words, ...options }) + '\\n'); return Promise.resolve(7)
      },
    }] }`
  const place = install('say', text, 'plugin.mts')
  writeFileSync(join(place, 'word.mts'), 'export const word: string = "beside"\n', { mode: 0o644 })
  const ran = it.run('say', 'a', 'b', '--only', 'x', '--only=y', '--max-age', '3m')
  assert.is(ran.code, 7, ran.stderr)
  assert.equal(JSON.parse(ran.stdout), {
    word: 'beside',
    words: ['a', 'b'],
    maxAge: 180_000,
    only: ['x', 'y'],
  })
  assert.is(JSON.parse(it.run('say').stdout).maxAge, 2000)
  assert.is(it.run('say', '--max-age', '3').code, 2)
})

const refused: readonly (readonly [string, (place: string) => void, RegExp])[] = [
  [
    'a file that others may write',
    (at) => chmodSync(`${at}/plugin.mjs`, 0o664),
    /others may write/,
  ],
  ['a file of another user', (at) => chownSync(`${at}/plugin.mjs`, 1, 0), /belongs to user 1/],
  ['a directory that others may write', (at) => chmodSync(at, 0o777), /others may write it/],
  ['a directory of another user', (at) => chownSync(at, 1, 0), /belongs to user 1, not to root/],
  ['plugins that others may add', () => chmodSync(directory, 0o777), /plugins": others may write/],
  [
    'a link',
    (at) => {
      renameSync(at, `${it.scratch}/elsewhere`)
      symlinkSync(`${it.scratch}/elsewhere`, at)
    },
    /it is a symbolic link/,
  ],
  ['an empty directory', (at) => rmSync(`${at}/plugin.mjs`), /holds neither plugin.mjs nor/],
  ['two files', (at) => writeFileSync(`${at}/plugin.mts`, '', { mode: 0o644 }), /holds both/],
]
for (const [what, spoil, pattern] of refused) {
  test(`refuses ${what}`, () => {
    const place = install('x', plugin('x', `networkModes: [${mode('x')}]`))
    assert.is(it.run('plugins').code, 0)
    spoil(place)
    for (const [code, word] of [[1, 'plugins'], [2, 'nonsense']] as const) {
      const ran = it.run(word)
      assert.is(ran.code, code, ran.stdout)
      assert.match(ran.stderr, pattern)
      assert.match(ran.stderr, /^vserver: Cannot use plugin "\//)
    }
  })
}

const broken: readonly (readonly [string, string, RegExp])[] = [
  ['another api', `export default { name: 'x', api: 2, networkModes: [] }`, /is written for api 2/],
  ['another name', plugin('y', `networkModes: [${mode('x')}]`), /names itself "y", and its/],
  ['an unknown key', plugin('x', `networkMode: [], networkModes: [${mode('x')}]`), /did you mean/],
  ['nothing', plugin('x', ''), /it contributes nothing/],
  ['no default export', 'export const x = 1', /no default export/],
  ['what is no list', plugin('x', 'checks: {}'), /its checks are not a list/],
  [
    'a mode without steps',
    plugin('x', `networkModes: [{ mode: 'x' }]`),
    /networkModes\[0\]\.doc is/,
  ],
  [
    'a mode that exists',
    plugin('x', `networkModes: [${mode('none')}]`),
    /already that of .*net-none/,
  ],
  [
    'a verb that is taken',
    plugin('x', `commands: [{ verb: 'start', doc: 'x', run() {} }]`),
    /verb "start" is vserver's own/,
  ],
  ['an await outside of functions', 'await 1; export default {}', /an await outside/],
  ['a bare import', `import 'yaml-of-others'; export default {}`, /imports what is not there/],
  ['no JavaScript', 'export default {', /SyntaxError/],
  ['what throws', 'throw new Error("no luck")', /no luck/],
]
for (const [what, text, pattern] of broken) {
  test(`names the file with ${what}`, () => {
    const place = install('x', text)
    const ran = it.run('plugins')
    assert.is(ran.code, 1, ran.stdout)
    assert.match(ran.stderr, pattern)
    assert.ok(ran.stderr.includes('plugin "x"') || ran.stderr.includes(place), ran.stderr)
  })
}

test('a broken plugin blocks nothing but what needs it', ({ cleanup }) => {
  const good = install('y', plugin('y', `networkModes: [${mode('y')}]`))
  const place = install('x', plugin('x', `networkModes: [${mode('x')}]`))
  cleanup(() => rmSync(good, { recursive: true }))
  cleanup(() => it.run('destroy', 'uses', 'not', '--yes'))
  const from = ['--from', `dir:${makeTree(join(it.scratch, 'tree-broken'))}`]
  assert.is(it.run('create', 'uses', ...from, '--set', 'network.mode=x').code, 0)
  assert.is(it.run('create', 'not', ...from, '--set', 'network.mode=y').code, 0)
  writeFileSync(join(place, 'plugin.mjs'), 'throw new Error("no luck")', { mode: 0o644 })

  const listed = it.run('plugins')
  assert.match(listed.stdout, /^network mode +y +y /m)
  assert.match(listed.stdout, /^BROKEN +- +x +\/.*\/plugins\/x$/m)
  assert.match(listed.stderr, /plugins\/x\/plugin.mjs": Error: no luck/)
  const checked = it.run('check')
  assert.match(checked.stdout, /^plugin x +NO +what it contributes +Cannot use plugin/m)
  assert.equal([it.run('status', 'not').code, it.run('status', 'not').stderr], [0, ''])
  assert.is(it.run('set', 'not', 'stopTimeout=5s').code, 0)
  const started = it.run('explain', 'start', 'not')
  assert.is(started.code, 0, started.stderr)
  const refused = it.run('start', 'uses')
  assert.is(refused.code, 2)
  assert.match(refused.stderr, /no luck; going on without it/)
  assert.match(refused.stderr, /guest.yaml.*"network.mode"[^]*plugin that is broken \(x\)/)
})

test('--test says what is wrong with a mode, and goes on', () => {
  const text = plugin(
    'x',
    `networkModes: [{ mode: 'x', doc: '', namespace: 'own', steps: () => [
      { kind: 'a', role: 'HOST', phrase: 'do it', emit(p, h) { p.call('close', [h.ref('mine')]) } },
      { kind: 'a', role: 'MAIN', phrase: '', emit(p) { p.call('getpid', []) } },
    ] }]`,
  )
  const ran = it.run('plugins', '--test', install('x', text))
  assert.is(ran.code, 1)
  const failures = ran.stdout.split('\n').filter((line) => line.startsWith('FAIL'))
  assert.match(failures.join('\n'), /doc is not one line/)
  assert.match(failures.join('\n'), /a step runs in MAIN/)
  assert.match(failures.join('\n'), /it uses the handle "mine"/)
  assert.match(failures.join('\n'), /none of TEARDOWN/)
  assert.match(failures.join('\n'), /two guests get the same steps/)
})

test.run()
