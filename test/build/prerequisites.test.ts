/**
 * What `build/prerequisites.sh` says where it cannot install what is missing. Runs it with a PATH of
 * programs that are made up.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { inRepository } from '../support/paths.ts'
import { suite, type TestContext } from '../support/suite.ts'

const test = suite('prerequisites.sh')

/** Programs that every machine has, as far as the script uses them. */
const common = {
  uname: 'echo x86_64',
  id: 'echo 0',
  mktemp: 'exec /usr/bin/mktemp "$@"',
  rm: 'exec /bin/rm "$@"',
  tail: 'exec /usr/bin/tail "$@"',
  npm: 'exit 0',
}

function run({ cleanup }: TestContext, programs: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-path-'))
  cleanup(() => rmSync(directory, { recursive: true }))
  for (const [name, text] of Object.entries({ ...common, ...programs })) {
    if (text === '') continue
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  const script = inRepository('build/prerequisites.sh')
  const result = spawnSync('/bin/sh', [script, 'start'], {
    encoding: 'utf8',
    env: { PATH: directory, TMPDIR: directory },
  })
  return { code: result.status, stderr: result.stderr }
}

test('names what is missing where there is no apt-get', (context) => {
  const { code, stderr } = run(context, {})
  assert.is(code, 1)
  assert.match(
    stderr,
    /^prerequisites: missing:.* gcc binutils libc6-dev.* libzstd-dev libmd-dev\n/,
  )
  assert.match(stderr, /no apt-get: install what your distribution calls these Debian packages/)
})

test('says what to type to those who are not root', (context) => {
  const { code, stderr } = run(context, { 'id': 'echo 1000', 'apt-get': 'exit 1' })
  assert.is(code, 1)
  assert.match(stderr, /\n {2}as root: apt-get install.* gcc /)
})

test('shows what apt-get said when it fails, after refreshing the lists', (context) => {
  const { code, stderr } = run(context, {
    'apt-get': 'echo "apt $*"; case "$*" in *update) ;; *) exit 100 ;; esac',
  })
  assert.is(code, 1)
  assert.match(stderr, /apt -q -y .* install .*\n.*apt -q update\napt -q -y .* install/)
  assert.match(stderr, /could not install.*\n {2}try it by hand: apt-get update && apt-get install/)
})

test('asks for npm and for a processor that it knows', (context) => {
  assert.match(run(context, { npm: '' }).stderr, /npm is missing: install Node\.js 20 or newer/)
  assert.match(
    run(context, { uname: 'echo riscv64' }).stderr,
    /x86_64 only for now, and this is riscv64/,
  )
})

test.run()
