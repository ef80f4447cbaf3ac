/**
 * The completion scripts, driven through a terminal in the shells themselves.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { bashScript } from '../../core/cli/completion_bash.ts'
import { fishScript } from '../../core/cli/completion_fish.ts'
import { zshScript } from '../../core/cli/completion_zsh.ts'
import { verbTable } from '../../core/cli/verb_table.ts'
import { inRepository } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vserver-completion-'))

/** A program in place of vserver that has two guests, and tells its words. */
const posix = `vserver() {
  local all=" $* "
  case $all in
    *" --root /x list --quiet ") echo other ;;
    *" list --quiet ") printf 'website\\ndb\\n' ;;
    *) printf 'GOT:%s:\\n' "$*" ;;
  esac
}
PS1='> '
echo REA''DY
`
const fishy = `function vserver
    switch "$argv"
        case '--root /x list --quiet'; echo other
        case 'list --quiet'; printf 'website\\ndb\\n'
        case '*'; printf 'GOT:%s:\\n' "$argv"
    end
end
function fish_prompt; echo '> '; end
function fish_greeting; end
echo REA''DY
`

interface Shell {
  readonly name: string
  readonly argv: readonly string[]
  readonly script: string
  readonly setUp: string
}
const shells: readonly Shell[] = [
  {
    name: 'bash',
    argv: ['bash', '--norc', '--noprofile', '-i'],
    script: bashScript(),
    setUp: posix,
  },
  {
    name: 'zsh',
    argv: ['zsh', '-f', '-i'],
    script: `autoload -U compinit; compinit -u -D\n${zshScript()}`,
    setUp: `${posix}unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste\n`,
  },
  {
    name: 'fish',
    argv: ['fish', '--no-config', '-i', '--features', 'no-query-term'],
    script: fishScript(),
    setUp: fishy,
  },
]

const cases: readonly (readonly [typed: string, words: string])[] = [
  ['vserver sto\t', 'stop'],
  ['vserver stop web\t', 'stop website'],
  ['vserver stop db we\t', 'stop db website'],
  ['vserver --root /x stop ot\t', '--root /x stop other'],
  ['vserver start --wa\t', 'start --wait'],
  ['vserver --qui\t', '--quiet'],
  ['vserver website resta\t', 'website restart'],
  ['vserver completion fi\t', 'completion fish'],
  ['vserver explain exec we\t', 'explain exec website'],
  ['vserver kill -s HUP we\t', 'kill -s HUP website'],
  ['vserver set web\t', 'set website'],
]

for (const { name, argv, script, setUp } of shells) {
  const test = suite(`completion in ${name}`, { needs: [name, 'script'], timeoutMs: 60_000 })
  test('completes verbs, options and guests at a terminal', async ({ cleanup }) => {
    const file = join(scratch, name)
    writeFileSync(file, script + setUp)
    const words = argv.map((word) => `'${word}'`).join(' ')
    const child = spawn('script', ['-qfec', words, '/dev/null'], {
      env: { ...process.env, TERM: 'dumb', HISTFILE: '', HOME: scratch, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    cleanup(() => end(child))
    let seen = ''
    child.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()))
    const wait = async (pattern: RegExp): Promise<string> => {
      for (let tries = 0; tries < 400; tries++) {
        const found = pattern.exec(seen)
        if (found !== null) return found[1] ?? ''
        await sleep(25)
      }
      throw new Error(`no ${pattern} in ${JSON.stringify(seen.slice(-2000))}`)
    }
    child.stdin.write(`. ${file}\r`)
    await wait(/READY/)
    for (const [typed, expected] of cases) {
      seen = ''
      child.stdin.write(typed)
      // Time to complete: a line end that came first would end the completion.
      await sleep(250)
      child.stdin.write('\r')
      assert.is((await wait(/GOT:([^\n]*?) ?:/)).trim(), expected, typed)
    }
  })

  test('is a script that the shell can read, and names every verb', () => {
    const file = join(scratch, `${name}-alone`)
    writeFileSync(file, script)
    const ran = spawnSync(name, ['-n', file], { encoding: 'utf8' })
    assert.is(ran.status, 0, ran.stderr)
    assert.is(ran.stderr, '')
    for (const { verb } of verbTable) assert.match(script, new RegExp(`\\b${verb}\\b`))
  })

  test.run()
}

/** Ends the shell, and with it what runs in it. */
async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close')
  child.stdin?.write('\x03exit\r')
  const late = setTimeout(() => child.kill('SIGKILL'), 2000)
  await ended
  clearTimeout(late)
}

const verb = suite('vserver completion', { timeoutMs: 20_000 })
verb.after(() => rmSync(scratch, { recursive: true, force: true }))

verb('prints scripts to anybody, and refuses other shells', () => {
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [inRepository('core/main.ts'), 'completion', ...words], {
      encoding: 'utf8',
      ...(process.getuid?.() === 0
        ? { env: { ...process.env, VSERVER_ROOT: '/nonexistent' } }
        : {}),
    })
  assert.is(run('bash').stdout, bashScript())
  assert.equal(JSON.parse(run('fish', '--json').stdout), { shell: 'fish', script: fishScript() })
  const refused = run('tcsh')
  assert.is(refused.status, 2)
  assert.match(refused.stderr, /"tcsh" is not a shell that it knows\n {2}it knows bash, zsh, fish/)
})

verb.run()
