/**
 * What it costs to clone a stopped guest, and to keep a snapshot of it, however much it has written: a
 * thousand small files, or a whole upgrade of Debian. And what sealing has in that, which is done by a rename.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { exchange, sealGuest } from '../core/guest/seal.ts'
import { readGuest } from '../core/guest/store.ts'
import { rootAt } from '../core/host/root.ts'
import { openSession, type Session } from '../core/plan/session.ts'
import { executorPath } from '../test/support/paths.ts'
import { binary, type Product } from '../test/system/product.ts'
import { alternate, beyond, figure, type Report, summarize } from './harness.ts'
import { productOnFreshDisk } from './place.ts'
import { keptUpgrade } from './upgrade.ts'

const version = 'vserver --version'
const renaming = 'seal, its rename'

/** A directory with what a guest may have written; it is given to each by hard links. */
interface Material {
  readonly name: string
  readonly path: string
}

function smallFiles(path: string): void {
  for (let directory = 0; directory < 20; directory++) {
    const place = join(path, `d${directory}`)
    mkdirSync(place, { recursive: true })
    for (let file = 0; file < 50; file++) writeFileSync(join(place, `f${file}`), `${file}\n`)
  }
}

/** The guest has written it, and all of it is on disk. */
function write(it: Product, { path }: Material): void {
  execFileSync('cp', ['-al', '--remove-destination', `${path}/.`, it.guest('web', 'upper')])
  execFileSync('sync')
}

/** In ns. */
async function timeOf(deed: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint()
  await deed()
  return Number(process.hrtime.bigint() - started)
}

/** Sealing alone, between the locks that a verb takes around it: a proof that nobody writes any more, records. */
async function seal(it: Product, session: Session): Promise<number> {
  const root = rootAt(it.root)
  const guest = readGuest(root, { name: 'web', verb: 'clone' })
  const request = { root, guest, patience: { verb: 'clone', timeoutMs: 1000 } }
  return await timeOf(() => sealGuest(session, request))
}

/** The rename in that, which is done, and undone. */
async function rename(it: Product, session: Session): Promise<number> {
  const places = { upper: it.guest('web', 'upper'), layer: join(it.scratch, 'empty') }
  mkdirSync(places.layer, { recursive: true })
  const ns = await timeOf(() => exchange(session, places))
  await exchange(session, places)
  execFileSync('sync')
  return ns
}

/** One of each. @returns ns by name */
async function round(
  it: Product,
  { session, material }: { session: Session; material: Material },
): Promise<Readonly<Record<string, number>>> {
  const timed = (name: string, argv: readonly string[]) => {
    const [{ medianMs = NaN } = {}] = alternate([{ name, argv }], { runs: 1, warmup: 0 })
    return medianMs * 1e6
  }
  it.must('clone', 'base', 'web')
  write(it, material)
  const started = timed(version, [binary, '--quiet', '--version'])
  const cloned = timed('clone', it.argv('clone', 'web', 'web2'))
  write(it, material)
  const renamed = await rename(it, session)
  const sealed = await seal(it, session)
  write(it, material)
  const kept = timed('snapshot', it.argv('snapshots', 'web', '--create', 'now'))
  it.must('destroy', '--yes', 'web', 'web2')
  return { [version]: started, clone: cloned, snapshot: kept, seal: sealed, [renaming]: renamed }
}

export async function benchClone(quick: boolean): Promise<readonly Report[]> {
  const { server, written } = keptUpgrade()
  const it = productOnFreshDisk()
  const session = await openSession(executorPath)
  try {
    it.must('create', 'base', '--from', `dir:${server}`)
    const small = { name: '1,000 files', path: join(it.scratch, 'small') }
    smallFiles(small.path)
    const large = { name: 'a whole upgrade', path: join(it.scratch, 'large') }
    execFileSync('cp', ['-a', written, large.path])
    const times = new Map([small, large].map((one) => [one, new Map<string, number[]>()]))
    for (let count = -1; count < (quick ? 3 : 15); count++) {
      for (const [material, taken] of times) {
        for (const [name, ns] of Object.entries(await round(it, { session, material }))) {
          if (count >= 0) taken.set(name, [...taken.get(name) ?? [], ns])
        }
      }
    }
    return [...times].map(([material, taken]) => {
      const figures = [...taken].map(([name, ns]) => summarize(name, ns))
      return {
        title: `a guest that has written ${material.name}`,
        figures,
        bars: [
          beyond(figures, 'clone', version, 15),
          beyond(figures, 'snapshot', version, 15),
          ...['seal', renaming].map((what) => (
            { what, value: figure(figures, what).medianMs, most: 2, unit: 'ms' }
          )),
        ],
        notes: ['everything is on disk before: what is not would be written by the seal'],
      }
    })
  } finally {
    await session.close()
    it.dispose()
  }
}
