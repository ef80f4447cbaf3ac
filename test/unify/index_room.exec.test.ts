import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { VServerError } from '../../core/errors.ts'
import { type Index, withIndex } from '../../core/unify/index_file.ts'
import { suite } from '../support/suite.ts'
import { type Disk, openDisk } from './disk.ts'

const test = suite('withIndex() where there is no room', {
  needs: ['root', 'mkfs.ext4', 'losetup'],
  timeoutMs: 60_000,
})
const ext4 = { mib: 8, make: 'mkfs.ext4 -q -F -b 1024 -m 0' }
const indexOf = ({ path }: Disk) => join(path, 'index.sqlite')
const onDamage = (aside: string) => assert.unreachable(`put aside as ${aside}`)

/** Fails unless the deed does with an error that says which file had no room. */
async function assertFull(disk: Disk, deed: (index: Index) => void): Promise<void> {
  const path = indexOf(disk)
  let times = 0
  const thrown = await withIndex({ path, onDamage }, (index) => {
    times++
    return Promise.resolve(deed(index))
  }).then(() => undefined, (error: unknown) => error)
  if (!(thrown instanceof VServerError)) throw new Error(`it said: ${thrown}`)
  assert.is(thrown.code, 'E_DISK_FULL')
  assert.is(thrown.message, `Cannot write "${path}": its file system is full`)
  assert.match(thrown.hint ?? '', /make room/)
  assert.ok(times <= 1, 'it was tried again')
  assert.equal(readdirSync(disk.path).filter((name) => /damaged|probe/.test(name)), [])
}

const fill = (index: Index, rows: number) =>
  index.change(() => {
    for (let ino = 1; ino <= rows; ino++) {
      const row = { ino, size: 1, blocks: 1, meta: 'm'.repeat(1000), mtimeSec: 1, mtimeNsec: 1 }
      index.put({ ...row, digest: null, object: null }, [])
    }
  })

for (const left of [0, 8, 24, 64, 300]) {
  test(`says so, with ${left} KiB left`, async (context) => {
    const disk = openDisk(context, ext4)
    disk.sh(`dd if=/dev/zero of="$disk/fill" bs=1k status=none || [ -s "$disk/fill" ]
      truncate -s -${left}k "$disk/fill"`)
    await assertFull(disk, (index) => fill(index, 5000))
    disk.sh('rm "$disk/fill"')
    await withIndex({ path: indexOf(disk), onDamage }, (index) => {
      fill(index, 10)
      assert.is(index.ofSize(1).length, 10)
      return Promise.resolve()
    })
  })
}

test('says so, with no inode left', async (context) => {
  const disk = openDisk(context, { ...ext4, make: `${ext4.make} -N 64` })
  disk.sh('i=0; while touch "$disk/$i" 2>/dev/null; do i=$((i + 1)); done')
  await assertFull(disk, () => assert.unreachable())
  disk.sh('rm "$disk"/[0-9]*')
  await withIndex({ path: indexOf(disk), onDamage }, () => Promise.resolve())
})

test('writes to no map of a file', async (context) => {
  const disk = openDisk(context, ext4)
  await withIndex({ path: indexOf(disk), onDamage }, (index) => {
    fill(index, 10)
    assert.equal(readdirSync(disk.path).filter((name) => name.endsWith('-shm')), [])
    return Promise.resolve()
  })
})

test('keeps what was there when a change of it has no room', async (context) => {
  const disk = openDisk(context, ext4)
  const use = (deed: (index: Index) => void) =>
    withIndex({ path: indexOf(disk), onDamage }, (index) => Promise.resolve(deed(index)))
  await use((index) => index.addTree('a', 'terms'))
  disk.sh(`dd if=/dev/zero of="$disk/fill" bs=1k status=none || truncate -s -80k "$disk/fill"`)
  await assertFull(disk, (index) => {
    index.dropTree('a')
    fill(index, 5000)
  })
  disk.sh('rm "$disk/fill"')
  // What was said before the change is kept, and nothing of the change.
  await use((index) => assert.equal([index.trees().size, index.ofSize(1)], [0, []]))
})

test('lets errors pass that have another cause', async (context) => {
  const disk = openDisk(context, ext4)
  const path = join(disk.path, 'no', 'index.sqlite')
  const thrown = await withIndex({ path, onDamage }, () => Promise.resolve())
    .then(() => undefined, (error: unknown) => error)
  assert.match(String(thrown), /unable to open database file/)
})

test.run()
