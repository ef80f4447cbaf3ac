/**
 * The single file as such: static, small, alone in the world, deaf to hostile environments.
 *
 * @module
 */
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { vserverPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { builds, runFile, runPrivately, scratch } from './run-file.ts'

const test = suite('dist/vserver', { needs: ['root', 'vserver'], timeoutMs: 60_000 })

/** Whether we may raise hard limits: CAP_SYS_RESOURCE. */
const mayRaise = (BigInt(
      `0x${/^CapEff:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
    ) >> 24n & 1n) === 1n

const PT_DYNAMIC = 2
const PT_INTERP = 3

test('is a static ELF', () => {
  const file = readFileSync(vserverPath).subarray(0, 4096)
  assert.is(file.toString('latin1', 0, 4), '\x7fELF')
  const start = Number(file.readBigUInt64LE(32))
  const size = file.readUInt16LE(54)
  const count = file.readUInt16LE(56)
  const types = Array.from({ length: count }, (_, index) => file.readUInt32LE(start + index * size))
  assert.ok(count > 0)
  assert.not.ok(types.includes(PT_INTERP), 'it has an interpreter')
  assert.not.ok(types.includes(PT_DYNAMIC), 'it has a dynamic section')
})

test('has at most 45 MB', () => {
  const { size } = statSync(vserverPath)
  assert.ok(size <= 45_000_000, `it has ${size} bytes`)
})

test('runs in a tree that holds nothing but itself and /proc', ({ cleanup }) => {
  const root = scratch(cleanup)
  mkdirSync(join(root, 'proc'))
  copyFileSync(vserverPath, join(root, 'vserver'))
  const ran = runPrivately(
    'mount -t proc proc "$R/proc"; exec chroot "$R" /vserver --quiet --version',
    {
      R: root,
    },
  )
  assert.is(ran.stderr, '')
  assert.match(ran.stdout, /\d+\.\d+\.\d+/)
  assert.is(ran.code, 0)
})

test('says that /proc is not mounted', ({ cleanup }) => {
  const root = scratch(cleanup)
  copyFileSync(vserverPath, join(root, 'vserver'))
  const ran = runPrivately('exec chroot "$R" /vserver --quiet --version', { R: root })
  assert.is(ran.code, 1)
  assert.match(
    ran.stderr,
    /^vserver: Cannot open "\/proc\/self\/exe": \/proc is not mounted\n {2}mount/,
  )
})

test('takes no orders from the environment', ({ cleanup }) => {
  const root = scratch(cleanup)
  const clean = runFile(['--quiet', '--version'], { root })
  assert.is(clean.code, 0, clean.stderr)
  const hostile = {
    NODE_OPTIONS: '--require=/nonexistent/hostile.js',
    NODE_REPL_EXTERNAL_MODULE: '/nonexistent/hostile.js',
    NODE_EXTRA_CA_CERTS: '/nonexistent/hostile.pem',
    NODE_DEBUG: 'module,fs',
    NODE_PENDING_DEPRECATION: '1',
    LD_PRELOAD: '/nonexistent/hostile.so',
    LD_LIBRARY_PATH: '/nonexistent',
    LD_AUDIT: '/nonexistent/hostile.so',
    LD_DEBUG: 'all',
    OPENSSL_CONF: '/nonexistent/hostile.cnf',
    SSL_CERT_FILE: '/nonexistent/hostile.pem',
    GLIBC_TUNABLES: 'glibc.malloc.check=3',
    VSERVER_SELF: '/nonexistent/self',
    VSERVER_EXECUTOR: '/nonexistent/executor',
    VSERVER_BUILD: 'f'.repeat(64),
  }
  assert.equal(runFile(['--quiet', '--version'], { root, env: hostile }), clean)
})

test('serves users who are not root from their own cache', ({ cleanup }) => {
  const home = scratch(cleanup)
  const file = join(home, 'vserver')
  copyFileSync(vserverPath, file)
  const made = runPrivately('mkdir "$H/home"; chown 65534:65534 "$H/home"', { H: home })
  assert.is(made.code, 0, made.stderr)
  const env = { HOME: join(home, 'home') }
  const ran = runFile(['--quiet', '--version'], { file, env, uid: 65534 })
  assert.is(ran.stderr, '')
  assert.is(ran.code, 0)
  assert.is(statSync(join(home, 'home/.cache/vserver')).mode & 0o7777, 0o700)
  const homeless = runFile(['--quiet', '--version'], { file, uid: 65534 })
  assert.match(homeless.stderr, /HOME is not set/)
  assert.is(homeless.code, 1)
  for (const word of ['--version', '--help']) {
    const bare = runFile([word], { file, env: { HOME: '/nonexistent' }, uid: 65534 })
    assert.equal([bare.code, bare.stderr], [0, ''])
    assert.is(bare.stdout, runFile(['--quiet', word], { file, env, uid: 65534 }).stdout)
  }
})

test('carries the licences of what it carries', ({ cleanup }) => {
  const { stdout, code } = runFile(['--licences'], { root: scratch(cleanup) })
  assert.is(code, 0)
  const titles = ['vserver', 'Node.js and what it holds', 'valibot', 'yaml', 'xz-decompress']
  for (const title of titles) assert.ok(stdout.includes(`\n${title}\n====`), title)
  for (const name of ['libc6', 'libzstd-dev', 'libmd-dev']) {
    assert.ok(stdout.includes(`\n${name} (Debian)\n====`), name)
  }
  assert.match(stdout, /GNU LESSER GENERAL PUBLIC LICENSE/)
})

test('says which limit of the calling shell is too small', ({ cleanup }) => {
  const root = scratch(cleanup)
  const limits = [
    ['n', '20', /needs 64 open files, and the limit is 20\n {2}.*ulimit -n 1024/],
    [
      'v',
      '1000000',
      /needs 2147483648 bytes of address space, .* 1024000000\n {2}.*ulimit -v unlimited/,
    ],
    ['f', '100', /needs files of 268435456 bytes, .*\n {2}.*ulimit -f unlimited/],
    ['d', '1000', /needs 1073741824 bytes of data, .* 1024000\n {2}.*ulimit -d unlimited/],
    ['s', '64', /needs 1048576 bytes of stack, .* 65536\n {2}.*ulimit -s 8192/],
    ['t', '1', /needs 60 seconds of CPU time, .* 1\n {2}.*ulimit -t unlimited/],
  ] as const
  for (const [letter, value, says] of limits) {
    const script = `ulimit -${letter} ${value}; exec "$FILE" --quiet --version`
    const ran = runPrivately(script, { VSERVER_ROOT: root })
    // Where the caller may raise its hard limits, they are raised.
    if (mayRaise) assert.is(ran.code, 0, ran.stderr)
    else {
      assert.is(ran.code, 1)
      assert.match(ran.stderr, says)
    }
  }
  if (!mayRaise) assert.equal(builds(root), [])
})

test('raises a soft limit of the calling shell that is too small', ({ cleanup }) => {
  const root = scratch(cleanup)
  for (const limit of ['n 20', 'v 1000000', 'f 100', 'd 1000', 's 64', 't 1']) {
    const ran = runPrivately(`ulimit -S -${limit}; exec "$FILE" --quiet --version`, {
      VSERVER_ROOT: root,
    })
    assert.is(ran.code, 0, `${limit}: ${ran.stderr}`)
  }
})

test('works with 64 open files and a handful of processes', ({ cleanup }) => {
  const root = scratch(cleanup)
  const script = 'ulimit -n 64; ulimit -u 10 2>/dev/null || :; exec "$FILE" --quiet --version'
  const ran = runPrivately(script, { VSERVER_ROOT: root })
  assert.is(ran.code, 0, ran.stderr)
})

test('does not take the options of a command in a guest for its own', ({ cleanup }) => {
  const root = scratch(cleanup)
  const other = scratch(cleanup)
  runFile(['exec', 'web', 'true', '--root', other], { root, env: { VSERVER_NATIVE: '0' } })
  assert.equal(builds(other), [])
  assert.is(builds(root).length, 1)
})

test.run()
