/**
 * The system tier, unchanged, on stock kernels with cgroup2 and on other hosts. @limit 1500 s
 *
 * @module
 */
import { suite } from '../support/suite.ts'
import { wantedRuns } from './choice.ts'
import { type Machine, machine } from './machine.ts'
import { labNeeds } from './needs.ts'
import { prepareNode, runThere } from './tests.ts'

for (const { host, kernel, files } of wantedRuns()) {
  const name = `system tests on the host ${host}, Linux ${kernel}`
  const test = suite(name, { needs: labNeeds, timeoutMs: 600_000 })
  let it: Machine

  test.before(async () => {
    it = await machine({ host, kernel, purpose: 'system', tree: true, kept: true })
    await it.boot()
    await prepareNode(it)
  })
  test.after(() => it.end())

  for (const file of files) {
    test(file, async () => {
      const { passed } = await runThere(it, file, { limitS: 590 })
      console.log(`${it.name}: ${file}: ${passed} passed`)
    })
  }

  test.run()
}
