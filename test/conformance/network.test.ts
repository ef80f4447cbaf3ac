/**
 * Every network mode of the program keeps to the contract, and the suite sees what does not.
 *
 * @module
 */
import * as assert from 'uvu/assert'
import { networkModeChecks } from '../../core/plugin/conformance/network_mode.ts'
import type { NetworkMode } from '../../core/plugin/types.ts'
import { plugins } from '../../plugins/index.ts'
import { suite } from '../support/suite.ts'

for (const mode of plugins.flatMap(({ networkModes }) => networkModes ?? [])) {
  const test = suite(`the contract of network modes: ${mode.mode}`)
  for (const { name, run } of networkModeChecks(mode)) test(name, run)
  test.run()
}

const test = suite('networkModeChecks()')

/** Names of the checks that a mode fails. */
async function failures(mode: NetworkMode): Promise<string> {
  const failed: string[] = []
  for (const { name, run } of networkModeChecks(mode)) {
    try {
      await run()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      failed.push(`${name}: ${error.message}`)
    }
  }
  return failed.join('\n')
}
const good: NetworkMode = { mode: 'x', doc: 'a mode', namespace: 'own', steps: () => [] }

test('passes a mode that does nothing', async () => {
  assert.is(await failures(good), '')
})

test('sees steps that differ from call to call', async () => {
  let calls = 0
  const steps: NetworkMode['steps'] = () => [{
    kind: 'x',
    role: 'GUEST',
    phrase: 'do it',
    emit: (p) => p.call('close', [calls++]),
  }]
  assert.match(await failures({ ...good, steps }), /two plans differ/)
})

test('sees an input that is changed, and options that contradict themselves', async () => {
  const steps: NetworkMode['steps'] = (input) => {
    Object.assign(input, { name: 'other' })
    return []
  }
  assert.match(await failures({ ...good, steps }), /gives the same plan .*read only/)
  const options = { peer: { kind: 'choice', choices: ['a'], default: 'b', doc: 'x' } } as const
  assert.match(await failures({ ...good, options }), /its default "b" is no choice/)
})

test('sees steps inside the namespace of the host', async () => {
  const steps: NetworkMode['steps'] = () => [{
    kind: 'x',
    role: 'GUEST',
    phrase: 'do it',
    emit: (p) => p.call('getpid', []),
  }]
  assert.match(await failures({ ...good, namespace: 'host', steps }), /the network of the host/)
})

test.run()
