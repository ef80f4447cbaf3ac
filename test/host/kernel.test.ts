/**
 * What the version of the kernel decides.
 */
import * as assert from 'uvu/assert'
import { requireKernel } from '../../core/host/kernel.ts'
import { suite } from '../support/suite.ts'

const test = suite('requireKernel()')

test('refuses kernels without idmapped layers, and says which one would do', () => {
  for (const version of ['5.10.0-32-cloud-amd64', '5.18.19', '4.19.0', '3.2']) {
    assert.throws(
      () => requireKernel(version, 'start "web"'),
      (error: Error & { code: string; hint: string }) =>
        error.code === 'E_HOST' && /6\.1 or newer/.test(error.hint) &&
        error.message === `Cannot start "web": guests need Linux 6.1, and this is ${version}`,
      version,
    )
  }
})

test('takes every other', () => {
  for (const version of ['5.19.0', '6.1.0-50-cloud-amd64', '6.12.117+deb13-cloud-amd64', '7.0.0']) {
    requireKernel(version, 'start "web"')
  }
})

test.run()
