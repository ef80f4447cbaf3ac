/**
 * The bare host: a stock kernel, busybox, and the one file. No C library, no packages, no init system.
 * @limit 1200 s
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { isWanted } from './choice.ts'
import type { KernelName } from './kernel.ts'
import { startMirror } from './mirror.ts'
import { labNeeds } from './needs.ts'
import { type Machine, machine } from './machine.ts'

for (const kernel of ['6.1', '6.12'] satisfies KernelName[]) {
  if (!isWanted({ host: 'bare', kernel })) continue
  const test = suite(`the bare host on Linux ${kernel}`, { needs: labNeeds, timeoutMs: 300_000 })
  let it: Machine

  test.before(async () => {
    it = await machine({ host: 'bare', kernel, purpose: 'life', tree: true, kept: true })
    await it.boot()
    console.log(`${it.name}: from power-on to a command in ${it.bootS().toFixed(1)} s`)
  })
  test.after(() => it.end())

  test('has no shared library but those that the file unpacks', async () => {
    const find = `find / -xdev -name '*.so*'`
    assert.is(await it.must(find), '')
    await it.must('vserver --quiet --version')
    const unpacked = (await it.must(find)).trim().split('\n')
    assert.ok(unpacked.length > 3, unpacked.join('\n'))
    assert.equal(unpacked.filter((path) => !path.startsWith('/var/lib/vserver/runtime/')), [])
  })

  test('needs no PATH', async () => {
    const vserver = 'env -i PATH= /usr/local/bin/vserver'
    assert.match(await it.must(`${vserver} check`), /^This host can run guests\.$/m)
    assert.match(await it.must(`env -i /usr/local/bin/vserver list`), /^NAME/)
  })

  if (kernel === '6.1') {
    test('makes a guest of a Debian tree', async () => {
      const from = '--from dir:/lab/tree/dist/debian'
      const create = `env -i PATH= /usr/local/bin/vserver create web ${from}`
      assert.match(await it.must(create, { limitS: 250 }), /^web created$/m)
    })
  } else {
    test('makes a guest of Debian’s packages, over its network card', async () => {
      const mirror = await startMirror('bookworm')
      try {
        await it.must('modprobe virtio_net; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0')
        const words = [
          'env -i PATH= /usr/local/bin/vserver create web --from debian:bookworm',
          `--option mirror=${mirror.url} --option securityMirror=none --option updates=false`,
          '--option configureTimeout=20m --option stallTimeout=120s',
        ]
        const output = await it.must(words.join(' '), { limitS: 800 })
        assert.match(output, /^web created$/m)
        console.log(`${it.name}: the mirror was asked ${JSON.stringify(mirror.counts())}`)
        assert.ok(mirror.counts().asked > 50)
      } finally {
        await mirror.close()
      }
    }, { timeoutMs: 900_000 })
  }

  test('brings Debian from power-on to running', async () => {
    await it.powerOff()
    const started = performance.now()
    await it.boot()
    const script = 'env -i PATH= /usr/local/bin/vserver start web --wait &&' +
      'env -i PATH= /usr/local/bin/vserver exec web -- systemctl is-system-running --wait'
    assert.match(await it.must(script, { limitS: 200 }), /^web started\nrunning\n$/)
    const seconds = (performance.now() - started) / 1000
    console.log(`${it.name}: from power-on to running in a Debian guest in ${seconds.toFixed(1)} s`)
  })

  test('enters, reboots, stops and starts it again', async () => {
    const exec = (command: string) => it.must(`vserver exec web -- ${command}`)
    assert.is(await exec('cat /proc/1/comm'), 'systemd\n')
    assert.match(await exec('id'), /^uid=0\(root\)/)
    assert.match(await exec('cat /proc/mounts'), /^\S+ \/ overlay /)
    await it.must('vserver restart web')
    await exec('true')
    assert.is(await it.must('vserver stop web'), 'web stopped\n')
    assert.match(await it.must('vserver status --json web'), /"state":"stopped"/)
  })

  test('finds nothing stale after its power was cut, and boots its guest again', async () => {
    await it.must('vserver start web --wait', { limitS: 200 })
    await it.must('vserver exec web -- sh -c "echo kept >/root/file; sync"')
    await it.cut()
    await it.boot()
    assert.match(await it.must('vserver status --json web'), /"state":"(stopped|created)"/)
    assert.is(await it.must('vserver start web --wait', { limitS: 200 }), 'web started\n')
    assert.is(await it.must('vserver exec web -- cat /root/file'), 'kept\n')
    assert.is(
      await it.must('vserver exec web -- systemctl is-system-running --wait'),
      'running\n',
    )
    await it.must('vserver stop web')
  })

  test.run()
}
