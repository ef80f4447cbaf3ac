import * as assert from 'uvu/assert'
import { account, type Place } from '../../core/usage/account.ts'
import { makeLedger } from '../../core/usage/ledger.ts'
import { suite } from '../support/suite.ts'

const test = suite('account()')

const own = (name: string): Place => ({ users: [name], passing: true, store: false })
const layer = (...users: string[]): Place => ({ users, passing: true, store: false })
const template = (...users: string[]): Place => ({ users, passing: false, store: false })
const unused: Place = { users: [], passing: false, store: false }
const store: Place = { users: [], passing: false, store: true }
const portion = (bytes: number, ...places: number[]) => ({ bytes, inodes: 1, places })

/** The sum of all lines. */
function sumOf({ guests, places }: ReturnType<typeof account>): number {
  const ofGuests = [...guests.values()].flatMap(({ exclusive, share }) => [exclusive, share])
  return [...ofGuests, ...places.values()].reduce((sum, { bytes }) => sum + bytes, 0)
}

test('gives a guest alone what goes with it', () => {
  const places = [own('a'), layer('a'), layer('a', 'b'), own('b'), template('a', 'b')]
  const portions = [
    portion(100, 0),
    portion(10, 0, 1),
    portion(1, 1, 2),
    portion(1000, 3),
    portion(20_000, 4),
  ]
  const result = account(places, portions)
  assert.equal(result.guests.get('a'), {
    exclusive: { bytes: 110, inodes: 2 },
    shared: { bytes: 20_001, inodes: 2 },
    share: { bytes: 10_001, inodes: 1 },
  })
  assert.equal(result.guests.get('b'), {
    exclusive: { bytes: 1000, inodes: 1 },
    shared: { bytes: 20_001, inodes: 2 },
    share: { bytes: 10_000, inodes: 1 },
  })
  assert.equal(result.total, { bytes: 21_111, inodes: 5 })
  assert.is(sumOf(result), 21_111)
})

test('divides in whole numbers that add up', () => {
  const result = account([template('a', 'b', 'c')], [portion(512 * 5, 0)])
  const shares = [...result.guests.values()].map(({ share }) => share)
  assert.equal(shares.map(({ bytes }) => bytes), [854, 853, 853])
  assert.equal(shares.map(({ inodes }) => inodes), [1, 0, 0])
  assert.is(sumOf(result), 2560)
})

test('knows that a template stays, also for one guest', () => {
  const { guests } = account([template('a'), own('a')], [portion(512, 0), portion(1024, 0, 1)])
  assert.is(guests.get('a')?.exclusive.bytes, 0)
  assert.is(guests.get('a')?.shared.bytes, 1536)
  assert.is(guests.get('a')?.share.bytes, 1536)
})

test('does not take what an unused template also has for exclusive', () => {
  const { guests, places } = account([own('a'), unused], [portion(512, 0, 1)])
  assert.is(guests.get('a')?.exclusive.bytes, 0)
  assert.is(guests.get('a')?.share.bytes, 512)
  assert.is(places.size, 0)
})

test('takes no name in the store for a use', () => {
  const places = [store, own('a'), layer('b'), unused, unused]
  const result = account(places, [
    portion(1, 0, 1),
    portion(10, 0, 1, 2),
    portion(100, 0, 3, 4),
    portion(1000, 0),
  ])
  assert.is(result.guests.get('a')?.exclusive.bytes, 1)
  assert.is(result.guests.get('a')?.share.bytes, 5)
  assert.is(result.guests.get('b')?.share.bytes, 5)
  assert.equal([...result.places].map(([place, { bytes }]) => [place, bytes]), [
    [3, 50],
    [4, 50],
    [0, 1000],
  ])
  assert.is(sumOf(result), result.total.bytes)
})

test.run()

const counting = suite('makeLedger()')

const file = (ino: number, nlink: number) => ({ ino, blocks: 8, nlink, mode: 0o100644 })

counting('counts an inode once in each place, and inode numbers by file system', () => {
  const ledger = makeLedger()
  const first = ledger.add(file(7, 3), { place: 0, dev: 1 })
  assert.is(ledger.add(file(7, 3), { place: 0, dev: 1 }), first)
  assert.is(ledger.add(file(7, 3), { place: 1, dev: 1 }), first)
  assert.not(ledger.add(file(7, 3), { place: 1, dev: 2 }) === first)
  assert.is(ledger.add(file(8, 1), { place: 1, dev: 1 }), undefined)
  assert.is(
    ledger.add({ ...file(9, 5), mode: 0o40755 }, { place: 1, dev: 1 }),
    undefined,
    'a directory',
  )
  assert.equal(ledger.portions(), [
    { places: [1], bytes: 8192, inodes: 2 },
    { places: [0, 1], bytes: 4096, inodes: 1 },
    { places: [1], bytes: 4096, inodes: 1 },
  ])
})

counting.run()
