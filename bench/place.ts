/**
 * Where figures are taken: a fresh, journaled file system, with `/run` in memory as every host has it. What
 * the machine's own disk costs (age, discards, no journal) is nobody's figure.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { releaseIds } from '../core/host/ids.ts'
import { type Product, product } from '../test/system/product.ts'
import { cgroupName } from '../test/system/snapshot.ts'

export interface Place {
  readonly path: string
  dispose(): void
}

function shell(text: string): void {
  execFileSync('/bin/sh', ['-euc', text], { stdio: 'ignore' })
}

/**
 * A new ext4 in a loop device. Its tables are written at once: the kernel would do it in the background, while
 * figures are taken.
 *
 * @param size of the image, as truncate(1) takes it; it is sparse
 */
export function freshFileSystem(size = '6G'): Place {
  const scratch = mkdtempSync('/tmp/vserver-bench-')
  const path = join(scratch, 'disk')
  mkdirSync(path)
  const image = join(scratch, 'image')
  const options = '-q -E lazy_itable_init=0,lazy_journal_init=0'
  shell(
    `truncate -s ${size} ${image}; mkfs.ext4 ${options} ${image}; mount -o loop ${image} ${path}`,
  )
  return {
    path,
    dispose() {
      shell(`umount ${path}`)
      rmSync(scratch, { recursive: true, force: true })
    },
  }
}

/** The product with its state on a file system of its own. */
export function productOnFreshDisk(): Product {
  return productOn('6G', (it) => it.clear())
}

/**
 * The same for very many files. Its guests, all stopped by then, go with their disk, which takes no time;
 * outside of it are only their ids and their empty cgroups.
 */
export function productOnLargeDisk(size: string): Product {
  return productOn(size, (it) => {
    for (const { name, ids } of JSON.parse(it.must('list', '--json'))) {
      releaseIds(ids.first, it.guest(name))
    }
    const groups = globSync(`/sys/fs/cgroup/{,*/}${cgroupName(it.root)}`)
    if (groups.length > 0) shell(`find ${groups.join(' ')} -depth -type d -exec rmdir {} ';'`)
  })
}

function productOn(size: string, clear: (it: Product) => void): Product {
  const place = freshFileSystem(size)
  const it = product(place.path)
  const run = join(it.root, 'run')
  mkdirSync(run)
  shell(`mount -t tmpfs -o mode=755 none ${run}`)
  return {
    ...it,
    dispose() {
      clear(it)
      shell(`umount ${run}`)
      place.dispose()
    },
  }
}
