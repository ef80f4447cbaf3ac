/**
 * Unification on disks that are full: of content, or of inodes.
 *
 * @module
 */
import { suite } from '../support/suite.ts'
import { assertConverges, assertSaysFull, openGuests, roomNeeds, tryWithLittle } from './room.ts'

const test = suite('unify on a full disk', { needs: roomNeeds, timeoutMs: 120_000 })
const levelsKib = [0, 4, 12, 32, 64, 120, 200, 600]

test('ext4', (context) => {
  tryWithLittle(context, { make: 'mkfs.ext4 -q -F -m 0', levelsKib, atLeast: 4 })
}, { needs: ['mkfs.ext4'] })

test('xfs', (context) => {
  tryWithLittle(context, { make: 'mkfs.xfs -q -f', levelsKib, atLeast: 4 })
}, { needs: ['mkfs.xfs'] })

test('without an inode left', (context) => {
  const guests = openGuests(context, 'mkfs.ext4 -q -F -m 0 -N 4000')
  const { disk, unify, assertSame } = guests
  disk.sh(`mkdir "$disk/many"; cd "$disk/many"
    i=0; while : > $i; do i=$((i + 1)); done 2>/dev/null || :`)
  for (const more of [0, 1, 4, 30, 50, 200]) {
    disk.sh(`cd "$disk/many"; ls -U | head -n ${more} | xargs -r rm`)
    const ran = unify()
    if (ran.code !== 0 || more < 4) assertSaysFull(ran, `${more} inodes more`)
    assertSame(`${more} inodes more`)
  }
  disk.sh('rm -r "$disk/many"')
  assertConverges(guests)
}, { needs: ['mkfs.ext4'] })

test.run()
