/**
 * Power cuts at moments nobody chose: what is on the disk is whole, and the next command goes on.
 * @limit 600 s
 *
 * @module
 */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import process from 'node:process'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { type FileSystem, makeEmpty } from './image.ts'
import { type Machine, machine } from './machine.ts'
import { labNeeds } from './needs.ts'
import { inLab } from './places.ts'
import { tinyTree } from './tiny.ts'

/** What is under way when the power goes, and how long it takes under emulation at most. */
const script = `${tinyTree} && for n in 1 2 3 4 5 6 7 8; do
  vserver create g$n --from dir:/tmp/tiny && vserver start g$n && vserver exec g$n -- /true-static
  vserver stop g$n && vserver clone g$n c$n && vserver start g$n c$n
done`
const LONGEST_MS = 12_000

for (const kind of ['ext4', 'btrfs'] satisfies FileSystem[]) {
  const test = suite(`power cuts with the state on ${kind}`, {
    needs: labNeeds,
    timeoutMs: 200_000,
  })
  const state = inLab(`state-${kind}-${process.pid}`)
  let it: Machine

  test.before(async () => {
    await makeEmpty(state, kind, 2 ** 30)
    const purpose = `power-${kind}`
    it = await machine({ host: 'bare', kernel: '6.12', purpose, tree: true, state })
    await it.boot()
    await it.must(tinyTree)
    await it.must('vserver create kept --from dir:/tmp/tiny && vserver start kept; sync')
  })
  test.after(async () => {
    await it.end()
    rmSync(state, { force: true })
  })

  test('at any moment, every guest is whole or not there', async () => {
    const ms = randomInt(500, LONGEST_MS)
    console.log(`${it.name}: the power goes after ${ms} ms`)
    await it.cutDuring(script, ms)
    await it.boot()
    const names = (await it.must('vserver list --quiet')).trim().split('\n')
    assert.ok(names.includes('kept'), names.join(' '))
    assert.not.match(await it.must('vserver list --json'), /"state":"(running|starting)"/)
    await it.must('vserver start --all && vserver exec kept -- /true-static', { limitS: 120 })
    await it.must('vserver kill --all')
    const others = names.filter((name) => name !== 'kept').join(' ')
    if (others !== '') await it.must(`vserver destroy --yes ${others}`)
    const left = await it.must(
      'ls -A /var/lib/vserver/guests; ls -A /sys/fs/cgroup | grep vserver || :',
    )
    assert.match(left, /^kept\n(vserver-[0-9a-f]{6}\n)?$/)
  })

  test('what a command has finished outlives a cut that follows at once', async () => {
    await it.must(tinyTree)
    await it.must(
      'vserver create done --from dir:/tmp/tiny && vserver start done && vserver stop done',
    )
    // What the guest has written is the guest's to sync.
    await it.must('echo x >/var/lib/vserver/guests/done/upper/written; sync')
    await it.must('vserver clone done copy && vserver create fresh --from dir:/tmp/tiny')
    await it.cut()
    await it.boot()
    assert.is(await it.must('vserver list --quiet'), 'copy\ndone\nfresh\nkept\n')
    await it.must('vserver start --all', { limitS: 120 })
    for (const name of ['copy', 'done', 'fresh', 'kept']) {
      await it.must(`vserver exec ${name} -- /true-static`)
    }
    await it.must('vserver kill --all && vserver destroy --yes copy done fresh')
  })

  test('an orderly reboot keeps everything too', async () => {
    await it.must('vserver start kept')
    await it.reboot()
    assert.match(await it.must('vserver status --json kept'), /"state":"(stopped|created|failed)"/)
    await it.must('vserver start kept && vserver exec kept -- /true-static && vserver stop kept')
  })

  test.run()
}
