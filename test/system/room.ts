/**
 * Unification without room, as tests of full disks have it: it says so, nothing is lost, and
 * with room again all that is equal becomes one.
 *
 * @module
 */
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { TestContext } from '../support/suite.ts'
import { type Disk, openDisk } from '../unify/disk.ts'
import { assertView, viewOf } from '../unify/view.ts'
import { type Product, product, type Ran, tinyTree } from './product.ts'

export interface Guests {
  readonly disk: Disk
  readonly it: Product
  unify(): Ran
  /** Fails when a guest reads something else than at first. */
  assertSame(message: string): void
}

export const roomNeeds: readonly string[] = [
  ...['root', 'vserver', 'test-tools', 'losetup', 'getfattr'],
]

const names = ['a', 'b', 'c']

const files = `
  for d in {1..30}; do
    mkdir -p data/$d
    for f in 1 2 3; do
      head -c 5000 /dev/zero | tr '\\0' $f > data/$d/$f; echo $d >> data/$d/$f
    done
    touch -d @1000 data/$d/*; touch -d @2000.5 data/$d
  done
`

/** Guests that have the same files: two in what they wrote, and one, `c`, in its template. */
export function openGuests(context: TestContext, make: string): Guests {
  const disk = openDisk(context, { mib: 500, make })
  const it = product(disk.path)
  context.cleanup(() => it.dispose())
  const fill = (place: string) => disk.sh(`cd "${place}"; ${files}`)
  for (const name of names) {
    const tree = tinyTree(join(it.scratch, `tree-${name}`))
    if (name === 'c') {
      // The store is there by now: what follows is what finds no room.
      it.must('unify')
      fill(tree)
    }
    it.must('create', name, '--from', `dir:${tree}`)
  }
  for (const name of names) if (name !== 'c') fill(it.guest(name, 'upper'))
  const views = () => names.map((name) => viewOf(join(it.root, 'var/lib/vserver'), name))
  const before = views()
  return {
    disk,
    it,
    unify: () => it.run(['unify', '--json']),
    assertSame: (message) =>
      views().forEach((view, i) => assertView(view, before[i] ?? [], `${names[i]}, ${message}`)),
  }
}

/** Leaves so much room. */
function squeeze(disk: Disk, kib: number): void {
  disk.sh(`rm -f "$disk/fill"; dd if=/dev/zero of="$disk/fill" bs=4k status=none 2>/dev/null || :
    truncate -s -${kib}k "$disk/fill"`)
}

export function assertSaysFull({ code, stderr }: Ran, message: string): void {
  assert.is(code, 1, `${message}: ${stderr}`)
  // Lines of progress come before.
  const { error } = JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '')
  assert.is(error.code, 'E_DISK_FULL', `${message}: ${stderr}`)
  assert.match(error.hint, /make room/, message)
}

/** Everything that is equal becomes one, and the guests start. */
export function assertConverges({ disk, it, unify, assertSame }: Guests): void {
  const last = unify()
  assert.is(last.code, 0, last.stderr)
  assert.equal(JSON.parse(last.stdout).failures, [])
  assert.is(JSON.parse(unify().stdout).linked, 0)
  assertSame('in the end')
  const place = join(it.root, 'var/lib/vserver')
  const inodes = disk.sh(`find "${place}" -path '*/data/*/?' -printf '%i\\n' | sort -u | wc -l`)
  assert.is(Number(inodes), 90)
  it.must('start', ...names)
  for (const name of names) it.must('exec', name, '--', '/true-static')
}

/** Tries with more and more room, until it is enough. */
export function tryWithLittle(
  context: TestContext,
  { make, levelsKib, atLeast }: {
    make: string
    levelsKib: readonly number[]
    /** So many of the levels are not enough. */
    atLeast: number
  },
): void {
  const guests = openGuests(context, make)
  let refused = 0
  for (const kib of levelsKib) {
    squeeze(guests.disk, kib)
    const ran = guests.unify()
    if (ran.code !== 0) {
      assertSaysFull(ran, `${kib} KiB left`)
      refused++
    }
    guests.assertSame(`${kib} KiB left`)
    if (ran.code === 0) break
  }
  assert.ok(refused >= atLeast, `it was refused ${refused} times only`)
  guests.disk.sh('rm "$disk/fill"')
  assertConverges(guests)
}
