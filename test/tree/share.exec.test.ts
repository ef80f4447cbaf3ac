import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { isOverlayXattr } from '../../core/host/tree/kept-xattr.ts'
import { scanTree } from '../../core/host/tree/scan.ts'
import { writeTree } from '../../core/host/tree/writer.ts'
import { suite } from '../support/suite.ts'
import { openLab } from './lab.ts'

const test = suite('writeTree() on a file system that shares blocks', {
  needs: ['root', 'executor', 'mkfs.xfs', 'losetup'],
})

test('shares them, and keeps what overlayfs noted', async (context) => {
  const lab = await openLab(context)
  lab.sh('truncate -s 400M disk; mkfs.xfs -q -m reflink=1 disk; mkdir mnt; mount -o loop disk mnt')
  context.cleanup(() => execFileSync('umount', [lab.at('mnt')]))
  lab.sh(
    'mkdir mnt/from mnt/from/d; head -c 100M /dev/zero | tr "\\0" x >mnt/from/big; ' +
      'truncate -s 1G mnt/from/sparse; echo end >>mnt/from/sparse; mknod mnt/from/gone c 0 0; ' +
      'setfattr -n trusted.overlay.opaque -v y mnt/from/d; ln mnt/from/gone mnt/from/d/gone; ' +
      'setfattr -n trusted.overlay.uuid -v 1234 mnt/from; sync',
  )
  const to = lab.at('mnt/to')
  mkdirSync(to)
  const free = () => {
    lab.sh('sync')
    const { bfree, bsize } = statfsSync(to)
    return bfree * bsize
  }
  const before = free()
  const from = lab.at('mnt/from')
  await writeTree(lab.session, to, scanTree(from, lab.session, isOverlayXattr), {
    deed: { verb: 'copy', thing: 'from' },
    origin: { path: from, kind: 'directory', way: 'range' },
    signal: new AbortController().signal,
    progress: () => undefined,
    shares: true,
  })
  assert.ok(before - free() < 8 << 20, `${before - free()} bytes were taken`)
  assert.is(lab.sh('cmp mnt/from/big mnt/to/big; cmp mnt/from/sparse mnt/to/sparse'), '')
  assert.is(statSync(join(to, 'sparse')).size, 2 ** 30 + 4)
  assert.is(lstatSync(join(to, 'gone')).rdev, 0)
  assert.is(lstatSync(join(to, 'gone')).ino, lstatSync(join(to, 'd/gone')).ino)
  const marks = lab.sh('getfattr -R -d -m trusted mnt/to')
  assert.match(marks, /trusted\.overlay\.opaque="y"/)
  assert.not(marks.includes('uuid'))
})

test.run()
