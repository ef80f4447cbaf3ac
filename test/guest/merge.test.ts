import * as assert from 'uvu/assert'
import { type LayerNode, listing } from '../../core/guest/flatten/listing.ts'
import { mergeLayers } from '../../core/guest/flatten/merge.ts'
import { suite } from '../support/suite.ts'

const test = suite('mergeLayers()')

/** `dir/`, `dir/ y` (opaque), `dir/ >old` (redirect), `-gone` (whiteout), `file`. */
function layer(...lines: readonly string[]) {
  const nodes = new Map<string, LayerNode>()
  for (const line of lines) {
    const [word = '', how = ''] = line.split(' ')
    const redirect = how.startsWith('>') ? how.slice(1) : undefined
    if (word.startsWith('-')) nodes.set(word.slice(1), { kind: 'whiteout' })
    else if (!word.endsWith('/')) nodes.set(word, { kind: 'other' })
    else nodes.set(word.slice(0, -1), { kind: 'directory', opaque: how === 'y', redirect })
  }
  return listing(nodes)
}

/** The template: directories with a slash at the end, and files. */
function merge(template: readonly string[], ...layers: readonly ReturnType<typeof layer>[]) {
  const { directories, links } = mergeLayers({
    layers,
    template: (path) =>
      path === '' || template.includes(`${path}/`)
        ? 'directory'
        : template.includes(path)
        ? 'other'
        : 'none',
  })
  return [
    ...directories.slice(1).map(({ path, like, opaque, redirect }) =>
      `${path}/ like ${like.layer}:${like.path}${opaque ? ' y' : ''}` +
      (redirect === undefined ? '' : ` >${redirect}`)
    ),
    ...links.map(({ path, to, whiteout }) =>
      `${whiteout ? '-' : ''}${path} ${to.layer}:${to.path}`
    ),
  ].toSorted()
}

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['the topmost file of a name', merge([], layer('a'), layer('a', 'b')), ['a 0:a', 'b 1:b']],
  ['whiteouts of what the template has', merge(['a'], layer('-a', '-b'), layer('b')), ['-a 0:a']],
  ['no whiteout that a later file covers', merge(['a'], layer('a'), layer('-a')), ['a 0:a']],
  [
    'directories with what all layers have in them',
    merge(['d/', 'd/t'], layer('d/', 'd/a'), layer('d/', 'd/b', '-d/t')),
    ['-d/t 1:d/t', 'd/ like 0:d', 'd/a 0:d/a', 'd/b 1:d/b'],
  ],
  [
    'opaque directories, without the whiteouts in them',
    merge(['d/', 'd/t'], layer('d/', '-d/b'), layer('d/ y', 'd/a', 'd/b'), layer('d/', 'd/c')),
    ['d/ like 0:d y', 'd/a 1:d/a'],
  ],
  [
    'a directory made anew where a whiteout was',
    merge(['d/'], layer('d/', 'd/a'), layer('-d'), layer('d/', 'd/b')),
    ['d/ like 0:d y', 'd/a 0:d/a'],
  ],
  [
    'a directory in the place of a file as opaque',
    merge(['d/'], layer('d/', 'd/a'), layer('d')),
    ['d/ like 0:d y', 'd/a 0:d/a'],
  ],
  ['a file over a directory', merge(['d/'], layer('d'), layer('d/', 'd/a')), ['d 0:d']],
  [
    'a redirect into the template',
    merge(['old/'], layer('new/ >old', '-old'), layer('old/', 'old/a')),
    ['-old 0:old', 'new/ like 0:new >old', 'new/a 1:old/a'],
  ],
  [
    'a chain of redirects as one',
    merge(['a/'], layer('c/ >b', '-b'), layer('b/ >a', '-a', 'b/x')),
    ['-a 1:a', 'c/ like 0:c >a', 'c/x 1:b/x'],
  ],
  [
    'a directory that is back where it was without a redirect',
    merge(['a/'], layer('a/ >b', '-b'), layer('b/ >a', '-a', 'b/x')),
    ['a/ like 0:a', 'a/x 1:b/x'],
  ],
  [
    'an absolute redirect through a renamed parent',
    merge(['p/', 'p/s/'], layer('out/ >/q/s', 'q/', '-q/s'), layer('q/ >p', '-p', 'q/s/', 'q/s/x')),
    ['-p 1:p', '-q/s 0:q/s', 'out/ like 0:out >/p/s', 'out/x 1:q/s/x', 'q/ like 0:q >p'],
  ],
  [
    'an absolute redirect out of an opaque directory',
    merge(['p/', 'p/s/'], layer('n/ y', 'n/s/ >/p/s')),
    ['n/ like 0:n y', 'n/s/ like 0:n/s >/p/s'],
  ],
  [
    'a renamed directory and another one in its old place',
    merge(['d/', 'd/t'], layer('d/ y', 'd/n', 'e/ >d'), layer('d/', 'd/m')),
    ['d/ like 0:d y', 'd/n 0:d/n', 'e/ like 0:e >d', 'e/m 1:d/m'],
  ],
  [
    'no redirect to what the template lacks: nothing else may show through',
    merge(['n/'], layer('n/ >o', '-o'), layer('o/ y', 'o/a')),
    ['n/ like 0:n y', 'n/a 1:o/a'],
  ],
  [
    'what a redirect leads to below a whiteout as nothing',
    merge(['p/', 'p/s/'], layer('n/ >/p/s'), layer('-p')),
    ['-p 1:p', 'n/ like 0:n y'],
  ],
]

for (const [what, merged, expected] of cases) {
  test(`gives ${what}`, () => assert.equal(merged, expected.toSorted()))
}

test('goes through directories however deep', () => {
  const deep = Array.from({ length: 1500 }, (_, depth) => `${'d/'.repeat(depth + 1)}`)
  assert.is(merge([], layer(...deep)).length, 1500)
})

test.run()
