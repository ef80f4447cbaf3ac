/**
 * A command that died while it moved files out of a writable layer, at each step of the writing down: what it
 * left is made by hand.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { makeTree, program } from '../cli/program.ts'
import { suite } from '../support/suite.ts'
import { assertView, stackOf, viewOf } from './view.ts'

const test = suite('a move that died', {
  needs: ['root', 'executor', 'getfattr', 'setfattr'],
  timeoutMs: 60_000,
})
const it = program()
test.after(() => it.dispose())
const lib = join(it.root, 'var/lib/vserver')
const guest = (name: string, ...parts: readonly string[]) => join(lib, 'guests', name, ...parts)

const tree = makeTree(join(it.scratch, 'tree'))
mkdirSync(join(tree, 'opaque'))
writeFileSync(join(tree, 'opaque/deleted'), 'by the guest')

function makeGuest(name: string): void {
  const { code, stderr } = it.run('create', name, '--from', `dir:${tree}`)
  assert.is(code, 0, stderr)
  const line = `mkdir opaque new; setfattr -n trusted.overlay.opaque -v y opaque
    for d in opaque new; do echo $d > $d/f; touch -d @1000 $d/f; touch -d @2000.5 $d; done`
  const ran = spawnSync('bash', ['-euc', line], { cwd: guest(name, 'upper'), encoding: 'utf8' })
  assert.is(ran.status, 0, ran.stderr)
}

/** Says that everything is on its way into a layer. */
function writeDown(name: string, layer: string): void {
  const directories = ['', 'new', 'opaque'].map((path) => {
    const { mtimeNs } = statSync(guest(name, 'upper', path), { bigint: true })
    const time = { mtimeSec: Number(mtimeNs / 10n ** 9n), mtimeNsec: Number(mtimeNs % 10n ** 9n) }
    return { path, ...time, opaque: path === 'opaque' }
  })
  const pending = { layer, directories, paths: ['new/f', 'opaque/f'] }
  writeFileSync(guest(name, 'move.json'), JSON.stringify(pending))
}

function makeLayer(layer: string): void {
  const line = `mkdir -p ${layer}/opaque ${layer}/new
    setfattr -n trusted.overlay.opaque -v y ${layer}/opaque`
  const ran = spawnSync('bash', ['-euc', line], { cwd: join(lib, 'layers'), encoding: 'utf8' })
  assert.is(ran.status, 0, ran.stderr)
}

/** Has the record of a guest name a layer. */
function record(name: string, layer: string): void {
  const file = guest(name, 'meta.json')
  const meta = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...meta, layers: [layer, ...meta.layers] }))
}

function unify(): void {
  const { code, stdout, stderr } = it.run('unify', '--json')
  assert.is(code, 0, stderr)
  assert.equal(JSON.parse(stdout).failures, [])
}

/** Inode of a sealed file, in whichever layer it is. */
const inoOf = (name: string, path: string) =>
  stackOf(lib, name).layers.map((layer) => join(lib, 'layers', layer, path))
    .map((place) => statSync(place, { throwIfNoEntry: false })?.ino)
    .find((ino) => ino !== undefined) ?? assert.unreachable(`${path} of ${name} is not sealed`)

for (
  const [when, verbs, deed] of [
    ['before it made the layer', ['unify'], () => undefined],
    ['before the record named the layer', ['unify', 'clone'], () => makeLayer('layer1')],
    ['before it moved anything', ['unify'], () => {
      makeLayer('layer1')
      record('a', 'layer1')
    }],
    ['when it had moved a file', ['unify', 'clone'], () => {
      makeLayer('layer1')
      record('a', 'layer1')
      const [from, to] = [guest('a', 'upper/new/f'), join(lib, 'layers/layer1/new/f')]
      assert.is(spawnSync('mv', [from, to]).status, 0)
    }],
  ] as const
) {
  for (const next of verbs) {
    test(`${when}: ${next} puts it right`, ({ cleanup }) => {
      cleanup(() => {
        it.run('destroy', '--yes', 'a', 'b', 'c')
        rmSync(join(lib, 'layers/layer1'), { recursive: true, force: true })
      })
      makeGuest('a')
      makeGuest('b')
      const before = viewOf(lib, 'a')
      writeDown('a', 'layer1')
      deed()
      if (next === 'clone') {
        const { code, stderr } = it.run('clone', 'a', 'c')
        assert.is(code, 0, stderr)
        assert.not(existsSync(guest('a', 'move.json')))
        assertView(viewOf(lib, 'a'), before, 'after clone')
      }
      unify()
      assert.not(existsSync(guest('a', 'move.json')))
      assertView(viewOf(lib, 'a'), before, 'after unify')
      for (const path of ['new/f', 'opaque/f']) {
        assert.is(inoOf('a', path), inoOf('b', path), `${path} of both is one`)
      }
    })
  }
}

test('of a guest whose record is damaged keeps nothing from being unified', ({ cleanup }) => {
  cleanup(() => it.run('destroy', '--yes', 'a', 'b', 'c'))
  for (const name of ['a', 'b', 'c']) makeGuest(name)
  writeDown('a', 'layer1')
  const [file, text] = [guest('a', 'meta.json'), readFileSync(guest('a', 'meta.json'), 'utf8')]
  writeFileSync(file, '{')
  unify()
  assert.is(inoOf('b', 'new/f'), inoOf('c', 'new/f'))
  writeFileSync(file, text)
  assert.ok(existsSync(guest('a', 'move.json')))
})

test.run()
