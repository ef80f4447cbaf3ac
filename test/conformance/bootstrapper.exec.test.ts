import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openGuestTree } from '../../core/guest/guest_tree.ts'
import { encodeMeta } from '../../core/guest/meta.ts'
import { prepareRoot } from '../../core/host/root_dirs.ts'
import { rootAt } from '../../core/host/root.ts'
import type { Bootstrapper, Plugin } from '../../core/plugin/types.ts'
import debian from '../../plugins/bootstrap-debian/index.ts'
import dir from '../../plugins/bootstrap-dir/index.ts'
import guestPlugin from '../../plugins/bootstrap-guest/index.ts'
import tar from '../../plugins/bootstrap-tar/index.ts'
import { emptyBase } from '../bootstrap-debian/support/bench.ts'
import { file } from '../bootstrap-debian/support/deb.ts'
import { makeKey, publish } from '../bootstrap-debian/support/repository.ts'
import { startMirror } from '../bootstrap-debian/support/server.ts'
import { tarball } from '../tree/tarball.ts'
import { conform } from './bootstrapper.ts'

function only({ name, bootstrappers = [] }: Plugin): Bootstrapper {
  const [bootstrapper] = bootstrappers
  if (bootstrapper === undefined) throw new Error(`${name} has no bootstrapper`)
  return bootstrapper
}

conform('dir', ({ scratch }) => {
  const source = join(scratch, 'source')
  mkdirSync(join(source, 'etc'), { recursive: true })
  chmodSync(source, 0o755)
  writeFileSync(join(source, 'etc/one'), 'one')
  return {
    bootstrapper: only(dir),
    source,
    missing: join(scratch, 'missing'),
    change: () => writeFileSync(join(source, 'etc/two'), 'two'),
  }
})

conform('tar', ({ scratch }) => {
  const source = join(scratch, 'source.tar')
  const write = (...names: readonly string[]) =>
    writeFileSync(source, tarball(...names.map((name) => file(`etc/${name}`, name))))
  write('one')
  return {
    bootstrapper: only(tar),
    source,
    missing: join(scratch, 'missing.tar'),
    change: () => write('one', 'two'),
  }
})

conform('guest', ({ scratch }) => {
  const root = rootAt(join(scratch, 'root'))
  prepareRoot(root)
  const template = join(root.lib, 'templates/dir-x')
  mkdirSync(join(template, 'etc'), { recursive: true })
  for (const name of ['one', 'gone']) writeFileSync(join(template, 'etc', name), name)
  const guest = join(root.lib, 'guests/web')
  for (const name of ['upper/etc', 'work']) mkdirSync(join(guest, name), { recursive: true })
  writeFileSync(join(guest, 'guest.yaml'), '')
  const ids = { first: 2_000_000_000, count: 65536 }
  const meta = { template: 'dir-x', layers: [], ids, createdAt: '', snapshots: [] }
  writeFileSync(join(guest, 'meta.json'), encodeMeta(meta))
  return {
    bootstrapper: only(guestPlugin),
    source: 'web',
    missing: 'nobody',
    change: () => writeFileSync(join(guest, 'upper/etc/two'), 'two'),
    context: (session) => ({
      openGuest: (name) =>
        openGuestTree(session, root, { source: name, patience: { verb: 'create', timeoutMs: 0 } }),
    }),
  }
})

conform('debian', async ({ context, scratch }) => {
  const key = await makeKey()
  const keyring = join(scratch, 'keys.asc')
  writeFileSync(keyring, key.public)
  const date = new Date(Date.now() - 60_000)
  const mirror = await startMirror(await publish({ packages: emptyBase, key, date }))
  context.cleanup(() => mirror.close())
  return {
    bootstrapper: only(debian),
    source: 'trixie',
    options: { mirror: mirror.url, securityMirror: 'none', updates: false, keyring, include: [] },
    missing: 'woody',
    async change() {
      const [first, ...rest] = emptyBase
      const changed = { name: first?.name ?? '', fields: first?.fields ?? [], version: '2' }
      mirror.files = await publish({ packages: [changed, ...rest], key })
    },
  }
})
