/**
 * Too little disk: said before something is written, and when the disk of a running machine fails.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { runCommand } from '../system/product.ts'
import { inOwnNamespaces } from '../system/snapshot.ts'
import { makeEmpty, makeImage } from './image.ts'
import { machine } from './machine.ts'
import { labNeeds } from './needs.ts'
import { inLab, LabError } from './places.ts'

inOwnNamespaces({ network: false })

const test = suite('a disk of the host that is too small', { needs: labNeeds, timeoutMs: 300_000 })
mkdirSync(inLab(), { recursive: true })
const place = mkdtempSync(inLab('small-'))

test.before(() => {
  const ran = runCommand(['mount', '-t', 'tmpfs', '-o', 'size=80m', 'none', place])
  assert.is(ran.code, 0, ran.stderr)
})
test.after(() => {
  runCommand(['umount', '-l', place])
  rmSync(place, { recursive: true })
})

async function refused(deed: () => Promise<unknown>): Promise<string> {
  const thrown = await deed().then(() => undefined, (error: unknown) => error)
  if (!(thrown instanceof LabError)) throw new Error(`it did not fail so: ${String(thrown)}`)
  return thrown.message
}

test('is too small for an image', async () => {
  const message = await refused(() =>
    makeImage(inLab('..', 'debian'), { path: `${place}/image`, spare: 0 })
  )
  assert.match(
    message,
    /^Cannot write ".*": too little disk: it needs \d+ MiB, and \d+ MiB are free$/,
  )
})

test('fails the machine that writes to it', async ({ cleanup }) => {
  const state = `${place}/state`
  await makeEmpty(state, 'ext4', 2 ** 30)
  const purpose = 'fault-disk'
  const it = await machine({ host: 'bare', kernel: '6.12', purpose, state })
  cleanup(() => it.end().catch((error: unknown) => assert.instance(error, LabError)))
  await it.boot()
  const fill = 'dd if=/dev/zero of=/var/lib/vserver/fill bs=1M count=300; sync; sleep 5'
  const message = await refused(async () => {
    await it.must(fill, { limitS: 120 })
    await it.end()
  })
  assert.match(message, /the kernel reported: (.*error, dev vd|Buffer I\/O error|EXT4-fs)/)
  assert.ok(message.includes(it.log), message)
})

test.run()
