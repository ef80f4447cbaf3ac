import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { declare, parseArgv } from '../../core/cli/parse.ts'
import { globalOptions, verbTable } from '../../core/cli/verb_table.ts'
import { suite } from '../support/suite.ts'

const parse = (line: string, env: Record<string, string> = {}) =>
  parseArgv(line === '' ? [] : line.split(' '), env)

const test = suite('parseArgv()')

test('finds the verb, its names and its options', () => {
  const { verb, args } = parse('start web --wait=30 db')
  assert.is(verb?.verb, 'start')
  assert.equal(args.positionals, ['web', 'db'])
  assert.is(args.text('wait'), '30')
})

test('takes global options before and after the verb', () => {
  for (const line of ['--root /r --json list', 'list --json --root=/r', '--root=/r list --json']) {
    const { verb, globals } = parse(line)
    assert.is(verb?.verb, 'list')
    assert.is(globals.root, '/r')
    assert.is(globals.json, true)
    assert.is(globals.quiet, false)
  }
})

test('takes VSERVER_ROOT where no --root is given', () => {
  assert.is(parse('list', { VSERVER_ROOT: '/e' }).globals.root, '/e')
  assert.is(parse('list --root /r', { VSERVER_ROOT: '/e' }).globals.root, '/r')
})

test('reads --lock-timeout in seconds or with a unit', () => {
  assert.is(parse('list').globals.lockTimeoutMs, 10_000)
  assert.is(parse('list --lock-timeout 2.5').globals.lockTimeoutMs, 2500)
  assert.is(parse('list --lock-timeout 500ms').globals.lockTimeoutMs, 500)
})

test('understands the historical order', () => {
  const { verb, args, globals } = parse('--json web start --wait')
  assert.is(verb?.verb, 'start')
  assert.equal(args.positionals, ['web'])
  assert.ok(args.flag('wait') && globals.json)
  const exec = parse('web exec -t -- id')
  assert.is(exec.verb?.verb, 'exec')
  assert.equal(exec.args.positionals, ['web'])
  assert.equal(exec.args.command, ['-t', '--', 'id'])
  assert.equal(parse('web exec -- id').args.command, ['id'])
})

test('takes the first word for the verb where both could be', () => {
  const { verb, args } = parse('stop start')
  assert.is(verb?.verb, 'stop')
  assert.equal(args.positionals, ['start'])
})

test('hands the command of exec over verbatim', () => {
  const { args, globals } = parse('exec -e A=1 -e B=2 web -- ls --json -la -- 007')
  assert.equal(args.positionals, ['web'])
  assert.equal(args.command, ['ls', '--json', '-la', '--', '007'])
  assert.equal(args.list('env'), ['A=1', 'B=2'])
  assert.is(globals.json, false)
  assert.equal(parse('exec web ls --help').args.command, ['ls', '--help'])
  assert.equal(parse('exec -tw /tmp web ls').args.text('cwd'), '/tmp')
})

test('keeps values as they were written', () => {
  assert.is(parse('logs -n 007 web').args.text('lines'), '007')
  assert.is(parse('logs -n5 web').args.text('lines'), '5')
  assert.is(parse('kill -s -9 web').args.text('signal'), '-9')
  assert.is(parse('create web --from -x').args.text('from'), '-x')
  assert.is(parse('create web --from=').args.text('from'), '')
  assert.equal(parse('status 007').args.positionals, ['007'])
  assert.equal(parse('stop --all 0x10').args.positionals, ['0x10'])
  assert.equal(parse('status -- -x').args.positionals, ['-x'])
  assert.equal(
    parseArgv(['create', 'web', '--from', 'dir:/a b', '--set', 'init=[/bin/sh, -c]'], {}).args
      .list('set'),
    ['init=[/bin/sh, -c]'],
  )
})

test('knows help, version and licences', () => {
  assert.is(parse('--help').help, true)
  assert.is(parse('create --help').verb?.verb, 'create')
  assert.is(parse('create -h').help, true)
  assert.is(parse('--version').version, true)
  assert.is(parse('--licences').licences, true)
})

const bad: readonly (readonly [string, string, string])[] = [
  ['strat web', 'is not a verb', 'did you mean "start"?'],
  ['frobnicate', 'is not a verb', 'vserver --help'],
  ['web frobnicate', 'is not a verb', ''],
  ['create web --form x', '--form is not an option', 'did you mean --from?'],
  ['start --__proto__=1 web', '--__proto__ is not an option', ''],
  ['start --constructor web', '--constructor is not an option', ''],
  ['start --root.x=1 web', '--root.x is not an option', ''],
  ['start -x web', '-x is not an option', ''],
  ['start --all=yes', '--all takes no value', ''],
  ['logs web -n', '-n needs a value', ''],
  ['create', 'expected <name>', ''],
  ['create a b', '"b": expected <name> only', ''],
  ['enter', 'expected <name>', ''],
  ['list --lock-timeout soon', 'expected a time', ''],
  ['check extra', 'it takes no names, not "extra"', ''],
]
for (const [line, part, hint] of bad) {
  test(`refuses "${line}"`, () => {
    try {
      parse(line)
    } catch (error) {
      if (!(error instanceof VServerError)) throw error
      assert.is(error.code, 'E_USAGE')
      assert.is(error.exitCode, 2)
      assert.not(error.message.includes('\0'))
      assert.ok(error.message.includes(part), error.message)
      assert.ok(error.hint?.includes(hint), error.hint)
      return
    }
    assert.unreachable('it was accepted')
  })
}

test('every verb is declared with an example that parses', () => {
  assert.equal(declare().commands.map(({ name }) => name), verbTable.map(({ verb }) => verb))
  for (const { verb, examples } of verbTable) {
    assert.ok(examples.length > 0, verb)
    for (const example of examples) {
      const words = example.replace(/^vserver /, '').replaceAll('"', '').split(' ')
      assert.is(parseArgv(words, {}).verb?.verb, verb, example)
    }
  }
})

test('no verb has an option that a global one hides', () => {
  const taken = new Set(globalOptions.flatMap(({ name, short }) => [name, short]))
  for (const { verb, options } of verbTable) {
    for (const { name, short } of options) {
      assert.not(taken.has(name), `${verb} --${name}`)
      assert.not(short !== undefined && taken.has(short), `${verb} -${short}`)
    }
  }
})

test.run()
