/**
 * Unification at the end of a quota, which is no full disk for who may exceed limits: this program gives that
 * right away first.
 *
 * @module
 */
import process from 'node:process'
import * as assert from 'uvu/assert'
import { toVServerError } from '../../core/cli/report.ts'
import { errno } from '../../core/linux/errno.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { type DiskOptions, openDisk } from './disk.ts'
import { assertTidy, type Lab, openLab } from './lab.ts'
import { assertSame, assertUnified, manifest } from './manifest.ts'

const marker = 'VSERVER_TEST_BOUND'
if (process.env[marker] === undefined && process.getuid?.() === 0 && process.execve !== undefined) {
  const bound = ['setpriv', '--bounding-set=-sys_resource', '--inh-caps=-sys_resource']
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve('/usr/bin/env', ['env', ...bound, ...again], { ...process.env, [marker]: '1' })
}

const test = suite('unify at the end of a quota', {
  needs: ['root', 'executor', 'getfattr', 'losetup', 'setpriv', 'quota-tools'],
  timeoutMs: 30_000,
})
const make = 'mkfs.ext4 -q -F -m 0 -O quota,project -E quotatype=usrquota:prjquota'

interface Kind extends DiskOptions {
  readonly what: string
  /** Before anything is written to the disk. */
  readonly prepare: string
  /** Bounds what can be written, to `$limit` KiB in all. */
  readonly bound: string
}
const kinds: readonly Kind[] = [
  {
    what: 'of the user, on ext4',
    mib: 64,
    make,
    mountOptions: 'usrquota',
    prepare: '',
    bound: 'setquota -u 0 0 $limit 0 0 "$disk"',
  },
  {
    what: 'of the project, on ext4',
    mib: 64,
    make,
    mountOptions: 'prjquota',
    prepare: 'chattr +P -p 42 "$disk"',
    bound: 'setquota -P 42 0 $limit 0 0 "$disk"',
  },
  {
    what: 'of the project, on xfs',
    mib: 400,
    make: 'mkfs.xfs -q -f',
    mountOptions: 'prjquota',
    prepare: 'xfs_quota -x -c "project -s -p $disk 42" "$disk"',
    bound: 'xfs_quota -x -c "limit -p bhard=${limit}k 42" "$disk"',
  },
]

/** The quota, in KiB, and what is then left of it. What the trees take fits in. */
const LIMIT_KIB = 20 << 10
const levelsKib = [0, 8, 40, 100]

function open(context: TestContext, kind: Kind) {
  const disk = openDisk(context, kind)
  disk.sh(`${kind.prepare || ':'}; mkdir "$disk/in"; limit=${LIMIT_KIB}; ${kind.bound}`)
  return disk
}

/** Fails unless it says what the documentation says. */
async function runsFull(lab: Lab, names: readonly string[]): Promise<boolean> {
  try {
    const { failures } = await lab.run(names.map(lab.tree))
    for (const failure of failures) {
      const isRoom = failure.errno === errno.EDQUOT || failure.errno === errno.ENOSPC
      assert.ok(isRoom, String(failure.errno))
    }
    return failures.length > 0
  } catch (error) {
    const { code, hint, message } = toVServerError(error, { interrupted: false })
    assert.equal([code, /make room/.test(hint ?? '')], ['E_DISK_FULL', true], message)
    return true
  }
}

for (const kind of kinds) {
  test(kind.what, async (context) => {
    const disk = open(context, kind)
    const lab = await openLab(context, `${disk.path}/in`)
    const names = ['a', 'b', 'c']
    for (const name of names) {
      lab.sh(
        `mkdir ${name}; for f in {1..40}; do head -c 5000 /dev/zero | tr '\\0' x > ${name}/$f; echo $f >> ${name}/$f; done
        touch -d @1000 ${name}/*; touch -d @2000.5 ${name}`,
      )
    }
    const before = manifest(...names.map((name) => lab.at(name)))
    let refused = 0
    for (const kib of levelsKib) {
      disk.sh(`rm -f "$disk/in/fill"; sync
        if dd if=/dev/zero of="$disk/in/fill" bs=4k count=8000 status=none 2>/dev/null
        then echo 'nothing bounds it'; exit 1; fi
        truncate -s -${kib}k "$disk/in/fill"`)
      if (await runsFull(lab, names)) refused++
      assertSame(manifest(...names.map((name) => lab.at(name))), before, `${kib} KiB left`)
    }
    assert.ok(refused >= 2, `it was refused ${refused} times only`)
    disk.sh('rm "$disk/in/fill"')
    assert.equal((await lab.run(names.map(lab.tree))).failures, [])
    const now = manifest(...names.map((name) => lab.at(name)))
    assertSame(now, before, 'in the end')
    assertUnified(now, () => true)
    assertTidy(lab.store)
  })
}

test.run()
