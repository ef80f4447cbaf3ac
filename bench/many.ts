/**
 * Many guests that look as if each had been upgraded on its own. One real upgrade stands for all: its upper
 * directory is copied, so that every guest has inodes of its own, and then each gets what no other guest has.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, globSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Product } from '../test/system/product.ts'
import { prepare, type Upgrade } from './upgrade.ts'

const onceInHundred = 100

/** How these guests differ from what they stand for, to be said with every figure. */
export const madeHow = [
  'one guest was upgraded for real; the others have copies of what that wrote, with keys, logs and an',
  'identity of their own, and each hundredth file different',
] as const

/** Regular files below `usr` of what the upgrade wrote. */
function filesOf(written: string): readonly string[] {
  return globSync('usr/**', { cwd: written, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    .map((path) => path.slice(written.length + 1)).sort()
}

/**
 * What a guest has of its own: identity, keys and logs, and every hundredth file: half of them with other
 * content, half with another time.
 */
function makeItsOwn(upper: string, { index, name, files }: {
  index: number
  name: string
  files: readonly string[]
}): void {
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(join(upper, path, '..'), { recursive: true })
    writeFileSync(join(upper, path), content)
  }
  write('etc/hostname', `${name}\n`)
  write('etc/machine-id', `${randomBytes(16).toString('hex')}\n`)
  for (const kind of ['rsa', 'ecdsa', 'ed25519']) {
    write(`etc/ssh/ssh_host_${kind}_key`, randomBytes(400))
    chmodSync(join(upper, `etc/ssh/ssh_host_${kind}_key`), 0o600)
    write(`etc/ssh/ssh_host_${kind}_key.pub`, randomBytes(90))
  }
  write('var/log/auth.log', `${name} ${randomBytes(3000).toString('hex')}\n`)
  write(`srv/${name}/data`, randomBytes(100_000))
  const own = files.filter((_, place) => place % onceInHundred === index % onceInHundred)
  for (const [place, file] of own.entries()) {
    if (place % 2 === 0) appendFileSync(join(upper, file), `# ${name}\n`)
    else utimesSync(join(upper, file), new Date(), new Date(1_700_000_000_000 + index * 1000))
  }
}

/** Makes guests by `clone` of one that was never started, and gives each what an upgrade wrote. */
export function makeManyGuests(it: Product, upgrade: Upgrade, count: number): void {
  const files = filesOf(upgrade.written)
  prepare(it.argv('create', 'g0', '--from', `dir:${upgrade.server}`))
  const names = Array.from({ length: count }, (_, index) => `g${index}`)
  // All before any has written something, which a clone would share.
  for (const name of names.slice(1)) it.must('clone', 'g0', name)
  for (const [index, name] of names.entries()) {
    const upper = it.guest(name, 'upper')
    prepare(['cp', '-a', `${upgrade.written}/.`, upper])
    makeItsOwn(upper, { index, name, files })
  }
}
