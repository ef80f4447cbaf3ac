/**
 * Unification at the end of a quota. @limit 580 s
 *
 * @module
 */
import { suite } from '../support/suite.ts'
import { type Kind, roomNeeds, tryWithLittle } from './room.ts'

const test = suite('unify at the end of a quota', {
  needs: [...roomNeeds, 'quota-tools'],
  timeoutMs: 120_000,
})
const make = 'mkfs.ext4 -q -F -m 0 -O quota,project -E quotatype=usrquota:prjquota'
const kinds: readonly (Kind & { readonly what: string })[] = [
  {
    what: 'of the user, on ext4',
    make,
    mountOptions: 'usrquota',
    bound: 'setquota -u 0 0 $limit 0 0 "$disk"',
  },
  {
    what: 'of the project, on ext4',
    make,
    mountOptions: 'prjquota',
    prepare: 'chattr +P -p 42 "$disk"',
    bound: 'setquota -P 42 0 $limit 0 0 "$disk"',
  },
  {
    what: 'of the project, on xfs',
    make: 'mkfs.xfs -q -f',
    mountOptions: 'prjquota',
    prepare: 'xfs_quota -x -c "project -s -p $disk 42" "$disk"',
    bound: 'xfs_quota -x -c "limit -p bhard=${limit}k 42" "$disk"',
  },
]

for (const { what, ...kind } of kinds) {
  test(what, (context) => {
    tryWithLittle(context, { kind, names: ['a', 'c'], levelsKib: [0, 40, 3000], atLeast: 1 })
  })
}

test.run()
