/**
 * Loaded before the program (`node --import`): kills it before its n-th change of the host, counted over
 * calls of `node:fs` that change something and plans that are sent to the executor. n comes from
 * VSERVER_TEST_KILL_AT; 0 only counts, and tells the count on standard error.
 *
 * @module
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'
import process from 'node:process'

const wanted = Number(process.env['VSERVER_TEST_KILL_AT'] ?? '0')
let count = 0

function step(): void {
  count++
  if (count === wanted) process.kill(process.pid, 'SIGKILL')
}

const names = [
  'chmodSync',
  'chownSync',
  'linkSync',
  'fsyncSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'utimesSync',
  'writeFileSync',
] as const
for (const name of names) {
  const real: (...args: never[]) => unknown = fs[name]
  Reflect.set(fs, name, (...args: never[]) => {
    step()
    return real(...args)
  })
}
syncBuiltinESMExports()

const write = Socket.prototype.write
Reflect.set(Socket.prototype, 'write', function (this: Socket, ...args: Parameters<typeof write>) {
  step()
  return Reflect.apply(write, this, args)
})

process.on('exit', () => {
  if (wanted === 0) fs.writeSync(2, `changes: ${count}\n`)
})
