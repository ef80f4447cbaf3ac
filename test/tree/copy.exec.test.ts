import * as assert from 'uvu/assert'
import { chmodSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import process from 'node:process'
import { suite } from '../support/suite.ts'
import { failure, type Lab, lookAt, names, openLab } from './lab.ts'

const test = suite('trees, with the executor', {
  needs: ['root', 'executor', 'tar', 'setcap', 'setfacl', 'getfattr'],
  timeoutMs: 60_000,
})

/** A tree with one of everything. */
async function everything(lab: Lab): Promise<void> {
  lab.sh(String.raw`
    mkdir -p src/dir/deep/er src/empty src/sticky src/acl
    echo hello > src/dir/file; chmod 4755 src/dir/file; chown 12:34 src/dir/file
    chmod 1777 src/sticky; chmod 2750 src/empty; chown 5:6 src/empty; chmod 0 src/dir/deep
    ln src/dir/file src/hard; ln src/dir/file src/dir/deep/hard
    ln -s /etc/passwd src/absolute; ln -s ../../../../up src/dir/up; ln -s dangling src/dangling
    ln src/absolute src/hardsymlink; chown -h 7:8 src/dangling
    mkfifo -m 640 src/pipe; mknod src/null c 1 3; mknod src/disk b 259 1048575; chown 9:9 src/null
    printf odd > "src/$(printf 'n\377\n\001ame')"; printf uni > src/größe
    touch -d '1965-03-04 05:06:07.123456789' src/dir/deep/er; touch -hd @5.5 src/dangling
    touch -d '2200-01-01 00:00:00.000000001' src/dir/file
    cp /bin/true src/ping; setcap cap_net_raw,cap_net_admin+ep src/ping
    setfattr -n user.bin -v 0x0001ff0a src/dir/file; setfattr -n user.empty src/dir/file
    setfattr -n trusted.note -v 0xff src/dir; setfattr -h -n trusted.link -v x src/dangling
    setfattr -h -n trusted.node -v y src/null; setfattr -n trusted.overlay.opaque -v y src/sticky
    setfacl -m u:1234:rwx,g:99:r-- src/dir/file
    setfacl -m u:1234:r-x,d:u:77:rwx,d:g:88:r-x src/acl; touch src/acl/inherits; setfacl -b src/acl/inherits
    truncate -s 50M src/sparse; for o in 0 5 10 40; do
      printf data | dd of=src/sparse bs=1M seek=$o conv=notrunc status=none; done
    truncate -s 30M src/hole; head -c 3000000 /dev/urandom > src/big; : > src/zero
    long=$(printf 'x%.0s' {1..255}); mkdir src/$long; touch src/$long/$long
    for i in {1..30}; do mkdir -p src/many/$i; echo $i > src/many/$i/f; done
    for i in {1..30}; do ln src/many/$i/f src/many/$((31 - i))/g; done
  `)
  chmodSync(lab.at('src'), 0o711)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(lab.at('src/socket'), resolve))
  lab.sh('mv src/socket src/kept; ln -s x src/socket')
  await new Promise((resolve) => server.close(resolve))
  lab.sh('rm -f src/socket; touch -d @1000000000.987654321 src')
}

const expected = (lab: Lab) =>
  lookAt(lab, 'src').replace('trusted.overlay.opaque=0x79\n', '').replace(/# file: sticky\n\n/, '')

test('a directory is copied exactly', async (context) => {
  const lab = await openLab(context)
  await everything(lab)
  await lab.make('dir', lab.at('src'), 'copy')
  assert.is(lookAt(lab, 'copy'), expected(lab))
  for (const name of ['sparse', 'hole']) {
    const before = lstatSync(lab.at('src', name)).blocks
    assert.ok(lstatSync(lab.at('copy', name)).blocks <= before, name)
  }
})

test('a directory is copied exactly to another file system', async (context) => {
  const lab = await openLab(context)
  await everything(lab)
  mkdirSync(lab.at('other'))
  lab.sh('mount -t tmpfs none other')
  context.cleanup(() => lab.sh('umount other'))
  await lab.make('dir', lab.at('src'), 'other/copy')
  const without = (text: string) => text.replace(/^user\..*\n/gm, '')
  assert.is(without(lookAt(lab, 'other/copy')), without(expected(lab)))
})

for (
  const [format, sparse] of [
    ['posix', '--sparse-version=1.0'],
    ['posix', '--sparse-version=0.1'],
    ['posix', '--sparse-version=0.0'],
    ['gnu', ''],
  ] as const
) {
  test(`GNU tar --format=${format} ${sparse} is unpacked exactly`, async (context) => {
    const lab = await openLab(context)
    await everything(lab)
    // No format of tar holds sockets; only that of pax holds xattrs and nanoseconds.
    lab.sh('rm src/kept; touch -d @1000000000.987654321 src')
    const extra = format === 'posix' ? `--xattrs --xattrs-include='*' --acls` : ''
    if (format === 'gnu') {
      lab.sh(`rm src/acl -r; setcap -r src/ping; setfacl -b src/dir/file
        find src -exec setfattr -h -x user.bin {} + 2>/dev/null || true
        for p in dir/file:user.empty dir:trusted.note dangling:trusted.link null:trusted.node; do
          setfattr -h -x \${p#*:} src/\${p%%:*}; done
        find src -exec touch -hd @1234567890 {} +`)
    }
    lab.sh(`tar --format=${format} ${sparse} ${extra} -cSf x.tar -C src . 2>/dev/null`)
    await lab.make('tar', lab.at('x.tar'), 'copy')
    assert.is(lookAt(lab, 'copy'), expected(lab))
    assert.ok(lstatSync(lab.at('copy/sparse')).blocks <= lstatSync(lab.at('src/sparse')).blocks)
  })
}

test('compressed archives unpack to the same as plain ones', async (context) => {
  const lab = await openLab(context)
  await everything(lab)
  lab.sh(`tar --xattrs --xattrs-include='*' --acls -cSf x.tar -C src . 2>/dev/null
    gzip -k x.tar; xz -k -0 x.tar; zstd -q x.tar
    mv x.tar.gz x.one; mv x.tar.xz x.two; mv x.tar.zst x.three
    split -n 3 x.tar part.; for p in part.*; do gzip -c $p >> m.gz; xz -0c $p >> m.xz; zstd -qc $p >> m.zst; done`)
  await lab.make('tar', lab.at('x.tar'), 'plain')
  const plain = lookAt(lab, 'plain')
  for (const name of ['x.one', 'x.two', 'x.three', 'm.gz', 'm.xz', 'm.zst']) {
    await lab.make('tar', lab.at(name), `from-${name}`)
    assert.is(lookAt(lab, `from-${name}`), plain, name)
  }
})

test('ACLs with names take the numbers of the archive itself', async (context) => {
  const lab = await openLab(context)
  lab.sh(`mkdir -p src/a src/etc; echo 'adm:x:4444:' > src/etc/group; touch src/a/f
    setfacl -m g:adm:r-x,d:g:adm:rwx src/a; setfacl -m g:adm:rw- src/a/f
    tar --acls -cf x.tar -C src a etc`)
  await lab.make('tar', lab.at('x.tar'), 'copy')
  assert.match(lab.sh('getfacl -n copy/a'), /^group:4444:r-x$/m)
  assert.match(lab.sh('getfacl -n copy/a'), /^default:group:4444:rwx$/m)
  assert.match(lab.sh('getfacl -n copy/a/f'), /^group:4444:rw-$/m)
})

test('what is mounted in a directory is left out, its mount point is not', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir -p src/mnt src/bind src/under; echo x > src/file; echo y > src/under/y')
  lab.sh('mount -t tmpfs none src/mnt; mount --bind src/under src/bind; touch src/mnt/hidden')
  context.cleanup(() => lab.sh('umount src/mnt; umount src/bind'))
  await lab.make('dir', lab.at('src'), 'copy')
  assert.is(
    lab.sh('cd copy; find . | sort'),
    './bind\n./file\n./mnt\n./under\n./under/y\n'.replace('', '.\n'),
  )
})

test('the id of a directory changes with any change, and only then', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir -p src/a; echo x > src/a/f')
  const before = await lab.id('dir', lab.at('src'))
  assert.match(before, /^src-[0-9a-f]{12}$/)
  assert.is(await lab.id('dir', lab.at('src')), before)
  await setTimeout(20)
  lab.sh('m=$(stat -c %y src/a/f); echo y > src/a/f; touch -d "$m" src/a/f')
  assert.is.not(await lab.id('dir', lab.at('src')), before)
})

test('the id of an archive is that of its bytes', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir src; tar -cf Root_1.tar.gz -z src; cp Root_1.tar.gz other.tgz')
  const id = await lab.id('tar', lab.at('Root_1.tar.gz'))
  assert.match(id, /^root-1-[0-9a-f]{12}$/)
  assert.is((await lab.id('tar', lab.at('other.tgz'))).slice(-12), id.slice(-12))
})

test('progress counts the bytes', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir src; head -c 100000 /dev/zero > src/f')
  let last = 0
  await lab.make('dir', lab.at('src'), 'copy', { progress: ({ done }) => void (last = done ?? 0) })
  assert.is(last, 100_000)
})

test('one session makes many trees, and keeps no descriptor', async (context) => {
  const lab = await openLab(context)
  await everything(lab)
  lab.sh(
    `tar -cf x.tar -C src . 2>/dev/null; tar -cf bad.tar -P -C src . /etc/hostname 2>/dev/null`,
  )
  const count = () => lab.sh(`ls /proc/$(pgrep -P ${process.pid} -f @batch | tail -1)/fd | wc -l`)
  const before = count()
  for (let i = 0; i < 3; i++) {
    await lab.make('dir', lab.at('src'), `dir${i}`)
    await lab.make('tar', lab.at('x.tar'), `tar${i}`)
    assert.match(await failure(lab.make('tar', lab.at('bad.tar'), `bad${i}`)), /absolute/)
    assert.equal(names(lab.at(`bad${i}`)), [])
  }
  assert.is(count(), before)
})

test('an abort stops soon and leaves nothing', async (context) => {
  const lab = await openLab(context)
  lab.sh(
    'mkdir src; for i in {1..3000}; do echo $i > src/$i; done; tar -cf x.tar -C src .; gzip -k x.tar',
  )
  for (const [scheme, source] of [['dir', 'src'], ['tar', 'x.tar'], ['tar', 'x.tar.gz']] as const) {
    const abort = new AbortController()
    let events = 0
    const promise = lab.make(scheme, lab.at(source), `copy-${source}`, {
      signal: abort.signal,
      progress: () => void (++events === 1500 && abort.abort()),
    })
    assert.match(await failure(promise), /^E_INTERRUPTED Cannot (copy|unpack) .*: interrupted$/)
    assert.ok(events < 2900, `${events} events`)
    assert.equal(names(lab.at(`copy-${source}`)), [])
  }
})

test('a source that changes meanwhile is told', async (context) => {
  const lab = await openLab(context)
  lab.sh('mkdir -p src/a src/b; head -c 50000000 /dev/zero > src/a/big; echo x > src/b/shrinks')
  writeFileSync(lab.at('src/b/shrinks'), 'x'.repeat(100_000))
  let once = true
  const promise = lab.make('dir', lab.at('src'), 'copy', {
    progress: () => {
      if (once) writeFileSync(lab.at('src/b/shrinks'), 'short')
      once = false
    },
  })
  assert.match(await failure(promise), /^E_SOURCE Cannot copy .*"b\/shrinks": it changed while/)
  assert.equal(names(lab.at('copy')), [])
})

test.run()
