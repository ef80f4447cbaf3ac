import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { overlayInUse } from '../../core/host/overlay_use.ts'
import { openSession } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'

const test = suite('overlayInUse()', { needs: ['root', 'executor', 'getfattr'], timeoutMs: 20_000 })

for (const detachedLayers of [true, false]) {
  const how = detachedLayers ? 'by detached mounts' : 'in a mount namespace, as before Linux 6.15'
  test(`tells whether an overlay lives, ${how}, and leaves nothing`, async ({ cleanup }) => {
    const base = mkdtempSync(join(tmpdir(), 'vserver-use-'))
    cleanup(() => rmSync(base, { recursive: true }))
    for (const name of ['lower', 'upper', 'work', 'm']) mkdirSync(join(base, name))
    await using session = await openSession(executorPath)
    const path = join(base, 'upper')
    const ask = () => overlayInUse(session, { path, detachedLayers })
    const xattrs = () => spawnSync('getfattr', ['-d', '-m', '-', path], { encoding: 'utf8' }).stdout
    assert.is(await ask(), false)
    assert.is(xattrs(), '')
    const options = 'lowerdir=lower,upperdir=upper,workdir=work'
    const script = `cd ${base}; mount -t overlay -o ${options} overlay m; exec 3<m; ` +
      'umount -l m; echo ready; exec sleep 30'
    const child = spawn('unshare', ['-m', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'close')
    await once(child.stdout, 'data')
    const before = xattrs()
    assert.is(await ask(), true)
    assert.is(await ask(), true, 'the session goes on')
    assert.is(xattrs(), before)
    assert.equal(readdirSync(path), [])
    child.kill('SIGKILL')
    await ended
    assert.is(await ask(), false)
  })
}

test.run()
