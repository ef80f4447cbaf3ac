/**
 * Where figures are taken: a fresh, journaled file system, with `/run` in memory as every host has it. What
 * the machine's own disk costs (age, discards, no journal) is nobody's figure.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Product, product } from '../test/system/product.ts'

export interface Place {
  readonly path: string
  dispose(): void
}

function shell(text: string): void {
  execFileSync('/bin/sh', ['-euc', text], { stdio: 'ignore' })
}

/** A new ext4 in a loop device. */
export function freshFileSystem(): Place {
  const scratch = mkdtempSync('/tmp/vserver-bench-')
  const path = join(scratch, 'disk')
  mkdirSync(path)
  const image = join(scratch, 'image')
  shell(`truncate -s 6G ${image}; mkfs.ext4 -q ${image}; mount -o loop ${image} ${path}`)
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
  const place = freshFileSystem()
  const it = product(place.path)
  const run = join(it.root, 'run')
  mkdirSync(run)
  shell(`mount -t tmpfs -o mode=755 none ${run}`)
  return {
    ...it,
    dispose() {
      it.clear()
      shell(`umount ${run}`)
      place.dispose()
    },
  }
}
