import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { suite } from '../support/suite.ts'
import { failure } from '../tree/lab.ts'
import { type Bench, emptyBase, leftovers, openBench } from './support/bench.ts'
import { file } from './support/deb.ts'
import { makeKey } from './support/repository.ts'
import type { Behaviour } from './support/server.ts'

const test = suite('bad mirrors', { needs: ['root', 'executor'], timeoutMs: 60_000 })

const random = Buffer.alloc(200_000)
for (let i = 0; i < random.length; i++) random[i] = (i * 31 + (i >> 7) * 17 + (i >> 13)) & 0xff
const big = { name: 'big', data: [file('./big', random)] }

const release = (path: string) => path.includes('InRelease')
const index = (path: string) => path.includes('Packages.gz')
const packageFile = (path: string) => path.includes('/big_')

const stages: readonly (readonly [string, (path: string) => boolean])[] = [
  ['the release file', release],
  ['the index', index],
  ['a package', packageFile],
]

/** What happens, and what the message says of it. */
const troubles: readonly (readonly [string, (mirror: string) => Behaviour, RegExp])[] = [
  ['a 503', () => ({ kind: 'status', status: 503 }), /the server answered 503/],
  ['a 403', () => ({ kind: 'status', status: 403 }), /the server answered 403/],
  ['a 404', () => ({ kind: 'status', status: 404 }), /is not there \(404\)/],
  [
    'a loop of redirects',
    (url) => ({ kind: 'redirect', to: `${url}/InRelease/big_/Packages.gz` }),
    /it redirects more than 10 times/,
  ],
  [
    'a redirect to a file',
    () => ({ kind: 'redirect', to: 'file:///etc/passwd' }),
    /it redirects to "file:/,
  ],
  ['a stall', () => ({ kind: 'stall', after: 100 }), /nothing came for 0\.3 s/],
  ['a stall before the first byte', () => ({ kind: 'silent' }), /nothing came for 0\.3 s/],
  ['a connection that breaks', () => ({ kind: 'cut', after: 50 }), /broke off|aborted|hang up/],
]

for (const [where, matches] of stages) {
  for (const [what, behaviour, message] of troubles) {
    test(`names the address and the reason of ${what} at ${where}`, async (context) => {
      const bench = await openBench(context, [big])
      bench.mirror.behave = (path) => matches(path) ? behaviour(bench.mirror.url) : undefined
      const said = await failure(bench.make())
      assert.match(said, /^E_SOURCE Cannot use "debian:trixie": /)
      assert.match(said, message)
      assert.match(said, /127\.0\.0\.1/)
      if (matches === packageFile) assert.match(said, /package "big"/)
      assert.equal(leftovers(bench), [])
      bench.mirror.behave = () => undefined
      const tree = await bench.make()
      assert.equal(readFileSync(join(tree, 'big')), random)
    })
  }
}

test('tries again when a mirror has a bad moment', async (context) => {
  const bench = await openBench(context, [big])
  bench.mirror.behave = (path, count) =>
    packageFile(path) && count < 3 ? { kind: 'status', status: 503 } : undefined
  await bench.make()
})

test('goes on where a download broke off, also in another process', async (context) => {
  const bench = await openBench(context, [big])
  bench.mirror.behave = (path) => packageFile(path) ? { kind: 'stall', after: 2000 } : undefined
  assert.match(await failure(bench.make()), /nothing came/)
  const partial = join(bench.path, 'cache/debian/partial')
  const [name = ''] = readdirSync(partial)
  assert.ok(statSync(join(partial, name)).size >= 2000)
  bench.mirror.behave = () => undefined
  bench.mirror.asked.length = 0
  const tree = await bench.make()
  const asked = bench.mirror.asked.find(({ path }) => packageFile(path))
  assert.match(asked?.range ?? '', /^bytes=[0-9]{4,}-$/)
  assert.equal(readFileSync(join(tree, 'big')), random)
  assert.equal(readdirSync(partial), [])
})

test('starts anew where the server does no ranges', async (context) => {
  const bench = await openBench(context, [big])
  bench.mirror.behave = (path, count) =>
    packageFile(path)
      ? (count < 4 ? { kind: 'stall', after: 500 } : { kind: 'no-ranges' })
      : undefined
  assert.match(await failure(bench.make()), /nothing came/)
  await bench.make()
})

test('refuses a body that is too short, too long or another one', async (context) => {
  const bench = await openBench(context, [big])
  const right = bench.mirror.files.get('pool/main/big_1_amd64.deb') ?? Buffer.alloc(0)
  const wrong = Buffer.from(right)
  wrong[wrong.length - 9] = (wrong[wrong.length - 9] ?? 0) ^ 1
  const bodies: readonly (readonly [Behaviour, RegExp])[] = [
    [{ kind: 'short', bytes: 77 }, /ended after \d+ of \d+ bytes/],
    [{ kind: 'bytes', bytes: wrong }, /does not have the digest that the signed index gives it/],
    [{ kind: 'bytes', bytes: Buffer.concat([right, wrong]) }, /it is over the \d+ bytes/],
  ]
  for (const [behaviour, message] of bodies) {
    bench.mirror.behave = (path) => packageFile(path) ? behaviour : undefined
    const said = await failure(bench.make())
    assert.ok(said.includes('package "big"'), `${behaviour.kind}: ${said}`)
    assert.match(said, message)
    assert.equal(leftovers(bench), [])
  }
  bench.mirror.behave = () => undefined
  await bench.make()
})

test('fetches a package again that went bad in the cache', async (context) => {
  const bench = await openBench(context, [big])
  await bench.make()
  const objects = join(bench.path, 'cache/debian/objects')
  for (const name of readdirSync(objects)) {
    const path = join(objects, name)
    if (statSync(path).size > 2000) writeFileSync(path, Buffer.alloc(statSync(path).size))
  }
  const tree = await bench.make()
  assert.equal(readFileSync(join(tree, 'big')), random)
})

test('takes Release and Release.gpg where there is no InRelease', async (context) => {
  const bench = await openBench(context)
  await bench.publish({ signature: 'detached' })
  assert.match(await bench.id(), /^trixie-amd64-\d{8}-[0-9a-f]{12}$/)
  const files = new Map(bench.mirror.files)
  files.delete('dists/trixie/Release.gpg')
  bench.mirror.files = files
  assert.match(await failure(bench.id()), /it has no signature \(Release\.gpg is missing\)/)
})

test('refuses a signature by a key that is not listed', async (context) => {
  const bench = await openBench(context)
  for (const signature of ['inline', 'detached'] as const) {
    await bench.publish({ key: await makeKey('Somebody else'), signature })
    assert.match(
      await failure(bench.id()),
      /it is not signed by a key that is trusted \([0-9A-F]{16}: /,
    )
  }
})

test('refuses a text that was changed after it was signed', async (context) => {
  const bench = await openBench(context)
  const text = bench.mirror.files.get('dists/trixie/InRelease')?.toString('utf8') ?? ''
  const changed = text.replace('Origin: Test', 'Origin: Tost')
  bench.mirror.files = new Map([...bench.mirror.files, [
    'dists/trixie/InRelease',
    Buffer.from(changed),
  ]])
  assert.match(await failure(bench.id()), /it is not signed by a key that is trusted/)
})

test('refuses what is no signature, and an unsigned release file', async (context) => {
  const bench = await openBench(context)
  for (const text of ['', 'Suite: trixie\n', '-----BEGIN PGP SIGNED MESSAGE-----\n', '<html>']) {
    bench.mirror.files = new Map([...bench.mirror.files, [
      'dists/trixie/InRelease',
      Buffer.from(text),
    ]])
    assert.match(await failure(bench.id()), /E_SOURCE .*(cannot be read|not signed|no signature)/)
  }
})

test('Debian’s own keys do not vouch for our test archive', async (context) => {
  const bench = await openBench(context)
  assert.match(await failure(bench.id({ keyring: '' })), /keyring|trusted/)
})

test('refuses a release file for another suite', async (context) => {
  const bench = await openBench(context)
  await bench.publish({ codename: 'bookworm' })
  assert.match(
    await failure(bench.id()),
    /the release file should be for "trixie", and is for "bookworm"/,
  )
})

test('refuses an expired release file, naming both dates, unless told to accept it', async (context) => {
  const bench = await openBench(context)
  const date = new Date(Date.now() - 20 * 86_400_000)
  const validUntil = new Date(Math.floor(Date.now() / 1000) * 1000 - 86_400_000)
  await bench.publish({ date, validUntil })
  const said = await failure(bench.id())
  assert.ok(said.includes(`was valid until ${validUntil.toISOString()}`), said)
  assert.ok(said.includes(`now it is ${new Date().toISOString().slice(0, 13)}`), said)
  await bench.id({ allowExpired: true })
})

test('refuses an older release file than the last one, also when it may be expired', async (context) => {
  const bench = await openBench(context)
  const day = 86_400_000
  const newer = new Date(Math.floor(Date.now() / day) * day)
  const older = new Date(newer.getTime() - day)
  await bench.publish({ date: newer })
  await bench.id()
  await bench.publish({ date: older })
  for (const allowExpired of [false, true]) {
    const said = await failure(bench.id({ allowExpired }))
    assert.ok(
      said.includes(`is of ${older.toISOString()}, and one of ${newer.toISOString()}`),
      said,
    )
  }
  await bench.publish({ date: newer })
  await bench.id()
})

const evilIndices: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    'a path that leads out',
    (text) => text.replaceAll('pool/main', '../../etc/passwd'),
    /its file is "\.\.\/\.\.\/etc\/passwd/,
  ],
  [
    'an encoded path that leads out',
    (text) => text.replaceAll('pool/main', '%2e%2e/etc'),
    /its file is "%2e/,
  ],
  ['an absolute path', (text) => text.replaceAll('pool/main', '/etc'), /its file is "\/etc/],
  [
    'another host',
    (text) => text.replaceAll('pool/main', 'http://example.org'),
    /its file is "http:/,
  ],
  [
    'a name that is a path',
    (text) => text.replaceAll('Package: apt', 'Package: ../apt'),
    /no index has it/,
  ],
  ['no digest', (text) => text.replaceAll('SHA256:', 'MD5sum:'), /it has no SHA-256/],
  ['no stanzas', () => 'hello\n', /is no index of packages/],
  ['a field twice', (text) => text.replaceAll('Size:', 'Version: 2\nSize:'), /given twice/],
]
for (const [what, change, message] of evilIndices) {
  test(`refuses an index with ${what}`, async (context) => {
    const bench = await openBench(context)
    await bench.publish({ index: change })
    const said = await failure(bench.make())
    assert.match(said, /^E_SOURCE Cannot use "debian:trixie": /)
    assert.match(said, message)
    assert.equal(leftovers(bench), [])
  })
}

test('names what is missing, and who wants it', async (context) => {
  const bench = await openBench(context)
  await bench.publish({
    packages: [...emptyBase, { name: 'app', fields: ['Depends: nope (>= 2)'] }],
  })
  assert.match(
    await failure(bench.id({ include: ['app'] })),
    /package "app": it needs nope \(>= 2\), which no index has/,
  )
  assert.match(
    await failure(bench.id({ include: ['nothing'] })),
    /package "nothing": no index has it/,
  )
})

test('goes through the proxy of the environment', async (context) => {
  const bench = await openBench(context)
  const real = bench.mirror.url
  process.env['http_proxy'] = real.replace('/debian', '')
  context.cleanup(() => delete process.env['http_proxy'])
  await bench.id({ mirror: 'http://mirror.invalid/debian' })
  assert.is(bench.mirror.asked[0]?.host, 'mirror.invalid')
  process.env['no_proxy'] = 'mirror.invalid'
  context.cleanup(() => delete process.env['no_proxy'])
  assert.match(await failure(bench.id({ mirror: 'http://mirror.invalid/debian' })), /name/)
})

test('says that there is no network', async (context) => {
  const bench = await openBench(context)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  assert.match(
    await failure(bench.id({ mirror: `http://127.0.0.1:${port}/debian` })),
    /the connection was refused/,
  )
})

async function interrupted(bench: Bench, behaviour: Behaviour, where: (path: string) => boolean) {
  const controller = new AbortController()
  bench.mirror.behave = (path) => {
    if (!where(path)) return undefined
    setTimeout(() => controller.abort(), 100)
    return behaviour
  }
  const said = await failure(bench.make({ stallTimeout: 20_000 }, controller.signal))
  bench.mirror.behave = () => undefined
  return said
}

for (const [where, matches] of stages) {
  test(`stops at once when it is interrupted at ${where}, and the next try works`, async (context) => {
    const bench = await openBench(context, [big])
    for (const behaviour of [{ kind: 'silent' }, { kind: 'stall', after: 10 }] as const) {
      const started = Date.now()
      assert.match(await interrupted(bench, behaviour, matches), /^E_INTERRUPTED /)
      assert.ok(Date.now() - started < 5000)
      assert.equal(leftovers(bench), [])
    }
    await bench.make()
  })
}

test.run()
