/**
 * File systems of their own for tests, in files.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from '../support/suite.ts'

export interface Disk {
  /** Where it is mounted. */
  readonly path: string
  readonly image: string
  /** Runs a shell script with `$disk` and `$image`; gives back its output. */
  sh(script: string): string
  mount(): void
  unmount(): void
}

export interface DiskOptions {
  readonly mib: number
  /** The command that makes the file system, but for the path of the image. */
  readonly make: string
  readonly mountOptions?: string
}

/** Makes and mounts one; it goes when the test ends. */
export function openDisk({ cleanup }: TestContext, options: DiskOptions): Disk {
  const place = mkdtempSync(join(tmpdir(), 'vserver-disk-'))
  cleanup(() => rmSync(place, { recursive: true, force: true }))
  const [path, image] = [join(place, 'disk'), join(place, 'image')]
  mkdirSync(path)
  const sh = (script: string): string => {
    const ran = spawnSync('/bin/bash', ['-euc', script], {
      env: { ...process.env, disk: path, image, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    })
    if (ran.status !== 0) throw new Error(`${script}: ${ran.status}: ${ran.stderr}${ran.stdout}`)
    return ran.stdout
  }
  const more = options.mountOptions === undefined ? '' : `,${options.mountOptions}`
  const mount = () => void sh(`mount -o loop${more} "$image" "$disk"; chmod 700 "$disk"`)
  const unmount = () => void sh('umount "$disk"')
  sh(`truncate -s ${options.mib}M "$image"; ${options.make} "$image" >"$image.log" 2>&1`)
  mount()
  cleanup(() => sh('! mountpoint -q "$disk" || umount -l "$disk"'))
  return { path, image, sh, mount, unmount }
}
