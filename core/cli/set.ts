/**
 * `vserver set NAME KEY=VALUE… [KEY+=ITEM…] [KEY-=ITEM…] [--unset KEY…]`: all of it, or nothing.
 *
 * @module
 */
import { realpathSync } from 'node:fs'
import { checkAfter } from '../guest/after.ts'
import { configOf } from '../guest/config_of.ts'
import { type Edit, editConfig } from '../guest/config_edit.ts'
import { knownKeys } from '../guest/config_keys.ts'
import { writeWhole } from '../guest/files.ts'
import { checkPattern } from '../guest/name.ts'
import { nearest } from '../guest/nearest.ts'
import { readStatus } from '../guest/read_status.ts'
import { statusesJson } from '../guest/status.ts'
import { guestExists, readGuest, type StoredGuest } from '../guest/store.ts'
import { errors, guestUnknown } from '../errors.ts'
import { withSession } from '../host/executor.ts'
import type { Registry } from '../plugin/registry.ts'
import { usage } from './argv.ts'
import { settle } from './clean.ts'
import { executorOf, registryOf, useRoot, withGuestLock } from './host.ts'
import { parseEdit, parseKey } from './settings.ts'
import type { Cli, VerbArgs } from './types.ts'

/** What is in the file can be taken out, whatever it is; what is not must be a key at least. */
function checkUnset(stored: StoredGuest, edit: Edit, registry: Registry): void {
  const key = edit.path.join('.')
  const keys = knownKeys(registry.networkModes)
  if (keys.includes(key) || edit.path[0] === 'env') return
  if (editConfig(stored, [edit]) !== stored.text) return
  const meant = nearest(key, keys)
  throw errors.E_CONFIG_KEY(`Cannot change "${stored.file}": "${key}" is not a key`, {
    hint: meant === undefined ? `the keys are: ${keys.join(', ')}` : `did you mean "${meant}"?`,
    details: { file: stored.file, key },
  })
}

export async function run(cli: Cli, args: VerbArgs): Promise<number> {
  const [name = '', ...words] = args.positionals
  checkPattern('set', name)
  const edits = [
    ...words.map(parseEdit),
    ...args.list('unset').map((key) => ({ kind: 'unset', path: parseKey(key) } as const)),
  ]
  if (edits.length === 0) {
    throw usage({ verb: 'set' }, 'there is nothing to change', {
      hint:
        `for example vserver set ${name} stopTimeout=10s; vserver config ${name} shows the file`,
    })
  }
  useRoot(cli)
  const registry = await registryOf(cli)
  if (!guestExists(cli.root, name)) throw guestUnknown('set', name)
  await settle(cli, { name, verb: 'set' })
  const changed = await withSession(
    executorOf(cli),
    (session) =>
      withGuestLock(cli, { session, name, verb: 'set' }, () => {
        const stored = readGuest(cli.root, { name, verb: 'set' })
        for (const edit of edits) if (edit.kind === 'unset') checkUnset(stored, edit, registry)
        const text = editConfig(stored, edits)
        if (text === stored.text) return Promise.resolve(false)
        const file = `${stored.file}, as changed`
        const { after } = configOf({ ...stored, file, text }, registry)
        if (edits.some(({ path }) => path[0] === 'after')) {
          for (const other of checkAfter(cli.root, { name, after, registry })) {
            cli.out.note(`there is no guest "${other}"; ${name} comes after it once there is one`)
          }
        }
        // A link stays one: the file that it leads to is replaced.
        writeWhole(realpathSync(stored.file), text, { sync: true })
        return Promise.resolve(true)
      }),
  )
  const stored = readGuest(cli.root, { name, verb: 'set' })
  const status = readStatus(stored, { root: cli.root, registry })
  if (cli.globals.json) cli.out.print(statusesJson([status]))
  else if (!cli.globals.quiet) {
    cli.out.print(changed ? `${name} changed\n` : `${name} is so already\n`)
    if (status.pending.length > 0) {
      cli.out.print(`pending until the next start: ${status.pending.join(', ')}\n`)
    }
  }
  return 0
}
