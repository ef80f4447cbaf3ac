import * as assert from 'uvu/assert'
import { debianTree } from '../support/debian.ts'
import { suite } from '../support/suite.ts'
import { lookAt, openLab } from './lab.ts'

const test = suite('a Debian tree, with the executor', {
  needs: ['root', 'executor', 'mmdebstrap', 'tar', 'zstd', 'setcap', 'getfattr'],
  timeoutMs: 300_000,
})

test('survives dir: and tar: exactly', async (context) => {
  const lab = await openLab(context)
  const tree = await debianTree()
  const expected = lookAt(lab, tree)
  assert.ok(expected.split('\n').length > 10_000, 'a whole system')
  await lab.make('dir', tree, 'copy')
  assert.is(lookAt(lab, 'copy') === expected, true, 'the copy of the directory')
  lab.sh(`rm -r copy; tar --xattrs --xattrs-include='*' --acls -cSf x.tar -C ${tree} .
    zstd -q -1 x.tar`)
  for (const name of ['x.tar', 'x.tar.zst']) {
    await lab.make('tar', lab.at(name), 'copy')
    assert.is(lookAt(lab, 'copy') === expected, true, `what ${name} unpacks to`)
    lab.sh('rm -r copy')
  }
})

test.run()
