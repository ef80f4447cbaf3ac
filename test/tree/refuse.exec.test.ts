import * as assert from 'uvu/assert'
import { Buffer } from 'node:buffer'
import { readFileSync, writeFileSync } from 'node:fs'
import { writeTree } from '../../core/host/tree/writer.ts'
import type { Entry } from '../../core/host/tree/entry.ts'
import { takeLock } from '../../core/host/lock.ts'
import { openSession, type Session } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import { suite } from '../support/suite.ts'
import { failure, type Lab, names, openLab } from './lab.ts'
import { paxHeader, tarball, tarMember } from './tarball.ts'

const test = suite('bad trees, with the executor', {
  needs: ['root', 'executor', 'tar'],
  timeoutMs: 60_000,
})

const refused: readonly (readonly [what: string, archive: Buffer, message: RegExp])[] = [
  [
    'an absolute name',
    tarball({ name: 'a' }, { name: '/tmp/x' }),
    /"\/tmp\/x": its name is absolute/,
  ],
  [
    'a name that goes up',
    tarball({ name: 'a' }, { name: '../outside' }),
    /name holds a "\.\." comp/,
  ],
  [
    'a member below a symlink out',
    tarball({ name: 'l', type: '2', link: '../outside' }, { name: 'l/victim', data: 'bad' }),
    /"l\/victim": it lies below "l", which is a symlink/,
  ],
  [
    'a member below a symlink that came later',
    tarball(
      { name: 'd', type: '5' },
      { name: 'd', type: '2', link: '../outside' },
      { name: 'd/victim', data: 'bad' },
    ),
    /"d\/victim": it lies below "d"/,
  ],
  [
    'a member deep below a file',
    tarball({ name: 'f' }, { name: 'f/a/b/c' }),
    /"f\/a\/b\/c": it lies below "f", which is a file/,
  ],
  [
    'a hard link through a symlink',
    tarball({ name: 'l', type: '2', link: '../outside' }, {
      name: 'h',
      type: '1',
      link: 'l/victim',
    }),
    /"h": it is a hard link to "l\/victim", which did not come before it/,
  ],
  [
    'a hard link out',
    tarball({ name: 'h', type: '1', link: '../outside/victim' }),
    /something outside/,
  ],
  [
    'a hard link ahead',
    tarball({ name: 'h', type: '1', link: 'f' }, { name: 'f' }),
    /did not come/,
  ],
  [
    'a hard link to a directory',
    tarball({ name: 'd/f' }, { type: '1', link: 'd' }),
    /is a directory/,
  ],
  [
    'a file in the place of a full directory',
    tarball({ name: 'd/f' }, { name: 'd' }),
    /"d": it would replace a directory that has members/,
  ],
  ['a root that is a file', tarball({ name: './', type: '2', link: 'x' }), /it is the root/],
  ['an unknown device', tarball({ type: '3', major: '7777777\0' }), /device number is too large/],
  [
    'a file cut off',
    tarball({ data: 'x'.repeat(5000) }).subarray(0, 3000),
    /ends in the middle of it/,
  ],
  ['no end', tarball({ data: 'x' }).subarray(0, 1024), /its end is missing/],
  ['damage', damaged(), /it is damaged at byte 1024/],
  ['nothing', Buffer.alloc(0), /it is empty/],
  [
    'an ACL that names a stranger',
    tarball(
      paxHeader([['SCHILY.acl.access', 'user::rw-,user:eve:rw-,group::r--,mask::rw-,other::---']]),
      {},
    ),
    /names the user "eve", who is not in its own \/etc\/passwd/,
  ],
  [
    'an ACL whose passwd is a link to the host',
    tarball(
      { name: 'etc/passwd', type: '2', link: '/etc/passwd' },
      paxHeader([['SCHILY.acl.access', 'user::rw-,user:root:rw-,group::r--,mask::rw-,other::---']]),
      { name: 'f' },
    ),
    /names the user "root"/,
  ],
  ['control characters in a name', tarball({ name: '/\x1b[31m' }), /"\/\\x1b\[31m"/],
]

function damaged(): Buffer {
  const archive = tarball({ data: 'x' }, { name: 'b' })
  archive[1024 + 3] = 0x41
  return archive
}

for (const [what, archive, message] of refused) {
  test(`refuses ${what}, and leaves nothing`, async (context) => {
    const lab = await openLab(context)
    lab.sh('mkdir outside; echo precious > outside/victim')
    const before = lookOutside(lab)
    writeFileSync(lab.at('x.tar'), archive)
    lab.sh('gzip -k x.tar')
    for (const name of ['x.tar', 'x.tar.gz']) {
      const said = await failure(lab.make('tar', lab.at(name), `copy-${name}`))
      assert.match(said, message)
      assert.ok(said.startsWith(`E_ARCHIVE Cannot unpack "${lab.at(name)}": `), said)
      assert.equal(names(lab.at(`copy-${name}`)), [])
    }
    assert.is(lookOutside(lab), before)
  })
}

const lookOutside = (lab: Lab) =>
  lab.sh(`find outside -printf '%p %s %m %n %T@ %C@\\n'; cat outside/*`)

test('refuses compressed data that is damaged, cut off or of another kind', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir src; head -c 300000 /dev/urandom > src/f; tar -cf x.tar -C src .')
  for (const tool of ['gzip -c', 'xz -0c', 'zstd -qc --check']) {
    lab.sh(`${tool} x.tar > good`)
    const good = readFileSync(lab.at('good'))
    const flipped = Buffer.from(good)
    flipped[good.length >> 1] = (flipped[good.length >> 1] ?? 0) ^ 0xff
    const cases = [flipped, good.subarray(0, good.length >> 1), good.subarray(0, good.length - 3)]
    for (const [index, bytes] of cases.entries()) {
      writeFileSync(lab.at('bad'), bytes)
      const name = `copy-${tool.split(' ')[0]}-${index}`
      assert.match(
        await failure(lab.make('tar', lab.at('bad'), name)),
        /^E_ARCHIVE .*damaged|cut off/,
      )
      assert.equal(names(lab.at(name)), [])
    }
  }
  writeFileSync(lab.at('x.tar.bz2'), 'BZh91AY&SY')
  assert.match(await failure(lab.make('tar', lab.at('x.tar.bz2'), 'bz2')), /it is bzip2 data/)
})

test('later members replace earlier ones, safely', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir outside; echo precious > outside/victim')
  writeFileSync(
    lab.at('x.tar'),
    tarball(
      { name: 'f', data: 'one', mode: '0004755\0' },
      { name: 'link', type: '1', link: 'f' },
      { name: 'f', data: 'two' },
      { name: 's', type: '2', link: '../outside/victim' },
      { name: 's', data: 'not a link' },
      { name: 'e', type: '5' },
      { name: 'e', type: '2', link: '../outside' },
      { name: 'd/x', data: 'x' },
      { name: 'd', type: '5', mode: '0000700\0' },
      { name: 'd', type: '5', mode: '0000711\0' },
    ),
  )
  await lab.make('tar', lab.at('x.tar'), 'copy')
  assert.is(lab.sh('cd copy; cat f link s'), 'twoonenot a link')
  const found = lab.sh('cd copy; find . -mindepth 1 -printf "%P %y%m %l\\n" | LC_ALL=C sort')
  assert.equal(found.split('\n').filter((line) => line !== ''), [
    'd d711 ',
    'd/x f644 ',
    'e l777 ../outside',
    'f f644 ',
    'link f4755 ',
    's f644 ',
  ])
  assert.is(lab.sh('cat outside/victim'), 'precious\n')
})

test('symlinks may point anywhere and are never followed', async (context) => {
  const lab = await openLab(context)
  writeFileSync(
    lab.at('x.tar'),
    tarball(
      { name: 'a', type: '2', link: '/etc/shadow', uid: '0000005\0' },
      { name: 'b', type: '2', link: '../../../..' },
      { name: 'c', type: '1', link: 'a' },
    ),
  )
  const before = lab.sh('stat -c "%U %a %y" /etc/shadow')
  await lab.make('tar', lab.at('x.tar'), 'copy')
  assert.is(
    lab.sh('cd copy; stat -c "%N %u %h" a b c | tr -d "\'"'),
    'a -> /etc/shadow 5 2\nb -> ../../../.. 0 1\nc -> /etc/shadow 5 2\n',
  )
  assert.is(lab.sh('stat -c "%U %a %y" /etc/shadow'), before)
})

const small = async (lab: Lab, context: Parameters<typeof openLab>[0], options = '') => {
  lab.sh(
    `truncate -s 32M disk.img; mkfs.ext4 -q ${options} disk.img; mkdir disk; mount -o loop disk.img disk`,
  )
  context.cleanup(() => lab.sh('umount disk'))
  return lab.sh('df --output=used disk | tail -1')
}

test('a bomb is refused before the disk is full', async (context) => {
  const lab = await openLab(context)
  const used = await small(lab, context)
  lab.sh(
    'mkdir src; head -c 400M /dev/zero > src/zeros; tar -cf x.tar -C src .; gzip -1 x.tar; tar -cf x.tar -C src .',
  )
  for (const [scheme, source] of [['tar', 'x.tar.gz'], ['tar', 'x.tar'], ['dir', 'src']] as const) {
    const said = await failure(lab.make(scheme, lab.at(source), `disk/${source}`))
    assert.match(
      said,
      /^E_DISK_FULL Cannot \w+ .*: it needs more than the \d+ MiB that can be used in/,
    )
    assert.equal(names(lab.at('disk', source)), [])
    lab.sh(`rmdir disk/${source}; sync -f disk`)
  }
  assert.is(lab.sh('df --output=used disk | tail -1'), used)
})

test('a disk without inodes is told', async (context) => {
  const lab = await openLab(context)
  await small(lab, context, '-N 100')
  lab.sh('mkdir src; for i in {1..200}; do echo x > src/$i; done; tar -cf x.tar -C src .')
  for (const [scheme, source] of [['tar', 'x.tar'], ['dir', 'src']] as const) {
    const said = await failure(lab.make(scheme, lab.at(source), `disk/${source}`))
    assert.match(said, /^E_DISK_FULL Cannot \w+ .*: the file system of ".*" is full/)
    assert.equal(names(lab.at('disk', source)), [])
  }
})

test('a disk that others fill meanwhile is told', async (context) => {
  const lab = await openLab(context)
  await small(lab, context)
  lab.sh(
    'mkdir src; for i in {1..8}; do head -c 1M /dev/urandom > src/$i; done; tar -cf x.tar -C src .; gzip -k x.tar',
  )
  for (const [scheme, source] of [['tar', 'x.tar'], ['tar', 'x.tar.gz'], ['dir', 'src']] as const) {
    let once = true
    const said = await failure(lab.make(scheme, lab.at(source), `disk/${source}`, {
      progress: () => {
        if (once) lab.sh('head -c 40M /dev/zero > disk/others 2>/dev/null || true; sync -f disk')
        once = false
      },
    }))
    assert.match(said, /^E_DISK_FULL Cannot \w+ .*: the file system of ".*" is full/, source)
    assert.equal(names(lab.at('disk', source)), [])
    lab.sh('rm disk/others')
  }
})

test('sources that cannot be are refused', async (context) => {
  const lab = await openLab(context)
  lab.sh(
    'mkdir -p state/templates/x state/guests src/state; touch state/format; echo x > file; mkfifo pipe',
  )
  const cases = [
    ['dir', 'missing', /^E_SOURCE Cannot copy ".*missing": it does not exist/],
    ['dir', 'file', /^E_SOURCE .*: it is not a directory/],
    ['dir', 'state', /^E_SOURCE .*: it lies in the state directory/],
    ['dir', 'state/templates/x', /^E_SOURCE .*: it lies in the state directory/],
    ['dir', '.', /^E_SOURCE .*: the copy would lie in it/],
    ['dir', '/', /^E_SOURCE .*: the copy would lie in it/],
    ['tar', 'missing', /^E_SOURCE Cannot unpack ".*missing": it does not exist/],
    ['tar', 'src', /^E_SOURCE .*: it is not a file/],
    ['tar', 'pipe', /^E_SOURCE .*: it is not a file/],
    ['tar', 'file', /^E_ARCHIVE .*: it is no tar archive/],
  ] as const
  for (const [index, [scheme, source, message]] of cases.entries()) {
    const path = source === '/' ? '/' : lab.at(source)
    assert.match(await failure(lab.make(scheme, path, `copy${index}`)), message)
    assert.equal(names(lab.at(`copy${index}`)), [])
  }
})

test('a failure closes no descriptor of others', async (context) => {
  const lab = await openLab(context)
  writeFileSync(lab.at('x.tar'), tarball({ name: 'a', data: 'a' }, { name: '/b' }))
  const lock = async (session: Session, name: string) =>
    await takeLock(session, lab.at(name), { verb: 'create', timeoutMs: 0 })
  const first = await lock(lab.session, 'first')
  const second = await lock(lab.session, 'second')
  // Now there is a free number below the one that is held.
  if ('lock' in first) await first.lock.release()
  for (const name of ['copy1', 'copy2']) {
    assert.match(await failure(lab.make('tar', lab.at('x.tar'), name)), /absolute/)
  }
  const other = await openSession(executorPath)
  context.cleanup(() => other.close())
  assert.ok('holder' in await lock(other, 'second'), 'still held')
  if ('lock' in second) await second.lock.release()
  assert.ok('lock' in await lock(other, 'second'), 'free')
})

test('members are counted', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir copy')
  async function* entries(): AsyncGenerator<Entry> {
    const attributes = { mode: 0o700, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [] }
    for (let i = 0; i < 10; i++) yield { kind: 'directory', path: `d${i}`, ...attributes }
  }
  const said = await failure(writeTree(lab.session, lab.at('copy'), entries(), {
    deed: { verb: 'unpack', thing: 'x' },
    signal: new AbortController().signal,
    progress: () => undefined,
    members: 5,
  }))
  assert.match(said, /^E_ARCHIVE Cannot unpack "x": "d5": there are over 5 members/)
  assert.equal(names(lab.at('copy')), [])
})

test('a member may be 4,000 bytes deep', async (context) => {
  const lab = await openLab(context)
  const path = 'd/'.repeat(2000) + 'file'
  writeFileSync(lab.at('x.tar'), tarball(paxHeader([['path', path]]), tarMember({ data: 'deep' })))
  await lab.make('tar', lab.at('x.tar'), 'copy')
  assert.is(lab.sh(`cd copy; for i in {1..20}; do cd ${'d/'.repeat(100)}; done; cat file`), 'deep')
})

test.run()
