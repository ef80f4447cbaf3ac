/**
 * What a guest reads, seen without the code under test: its layers under an overlay of our own, in a mount
 * namespace that goes with it.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'

/** Everything that a guest can see of its files but inode numbers, link counts and ctimes; a line for each. */
export type View = readonly string[]

/** What the record of a guest says of its layers, top first. */
export function stackOf(lib: string, name: string): {
  readonly template: string
  readonly layers: readonly string[]
} {
  return JSON.parse(readFileSync(join(lib, 'guests', name, 'meta.json'), 'utf8'))
}

/** `$1` is the options of the mount, and what is not looked at are the other arguments. */
const script = `
  # The new interface takes no more than 255 bytes, and paths of many layers are longer.
  export LC_ALL=C LIBMOUNT_FORCE_MOUNT2=always
  m=$(mktemp -d); trap 'cd /; umount -l $m; rmdir $m' EXIT
  mount -t overlay -o "$1" overlay $m; cd $m; shift
  skipped=(); for one in "$@"; do skipped+=(-not -path "./$one" -not -path "./$one/*"); done
  find . "\${skipped[@]}" -type d -printf '%P %M %U:%G %T@\\n' | sort
  find . "\${skipped[@]}" -not -type d -printf '%P %M %U:%G %s %T@ %l\\n' | sort
  find . "\${skipped[@]}" -type f -print0 | sort -z | xargs -0 -r sha1sum --
  find . "\${skipped[@]}" -type f -print0 | sort -z | xargs -0 -r lsattr --
  find . "\${skipped[@]}" -print0 | sort -z | xargs -0 -r getfattr -h -d -m - -e hex -- |
    awk '/^# file/ { file = $0; next } NF { print file, $0 }'
`

/**
 * Looks at a stopped guest.
 *
 * @param lib the directory that holds `guests`
 * @param skip paths inside that are not looked at
 */
export function viewOf(lib: string, name: string, skip: readonly string[] = []): View {
  const { layers, template } = stackOf(lib, name)
  const lower = [
    `guests/${name}/upper`,
    ...layers.map((id) => `layers/${id}`),
    `templates/${template}`,
  ]
  const options = `lowerdir=${lower.join(':')},redirect_dir=follow`
  const words = ['-m', 'bash', '-euo', 'pipefail', '-c', script, 'bash', options, ...skip]
  const ran = spawnSync('unshare', words, { cwd: lib, encoding: 'latin1', maxBuffer: 1 << 28 })
  if (ran.status !== 0) throw new Error(`cannot look at ${name}: ${ran.stderr}`)
  return ran.stdout.split('\n')
}

/** Fails with the first lines that differ. */
export function assertView(now: View, before: View, message: string): void {
  const [has, had] = [new Set(now), new Set(before)]
  const lost = before.filter((line) => !has.has(line)).map((line) => `- ${line}`)
  const more = now.filter((line) => !had.has(line)).map((line) => `+ ${line}`)
  const differing = [...lost.slice(0, 10), ...more.slice(0, 10)]
  assert.is(differing.join('\n'), '', `${message}:\n${differing.join('\n')}`)
}
