import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { busy, errors, errorTable, VServerError } from '../core/errors.ts'
import { renderError, toVServerError } from '../core/cli/report.ts'
import { inRepository } from './support/paths.ts'
import { suite } from './support/suite.ts'

const test = suite('errors')

/** All sources below the folders that may raise errors. */
function sources(): string {
  return ['core', 'plugins'].flatMap((folder) =>
    readdirSync(inRepository(folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|c)$/.test(name) && name !== 'errors.ts')
      .map((name) => readFileSync(join(inRepository(folder), name), 'utf8'))
  ).join('\n')
}

test('codes are sorted, and each has one factory', () => {
  const codes = Object.keys(errorTable)
  assert.equal(codes, codes.toSorted())
  assert.equal(Object.keys(errors), codes)
})

test('every code is used, and every code that is used is listed', () => {
  const used = new Set(sources().match(/\bE_[A-Z]+(?:_[A-Z]+)*\b/g))
  const known = new Set(Object.keys(errorTable))
  // Those with helpers in errors.ts itself.
  const helped = ['E_BUSY', 'E_GUEST_UNKNOWN', 'E_NOT_RUNNING', 'E_ROOT']
  for (const code of known) {
    assert.ok(used.has(code) || helped.includes(code), `${code} is not used`)
  }
  for (const code of used) assert.ok(known.has(code), `${code} is not listed`)
})

test('exit codes are those of the contract', () => {
  assert.is(errors.E_BUSY('x').exitCode, 5)
  assert.is(errors.E_GUEST_UNKNOWN('x').exitCode, 4)
  assert.is(errors.E_NOT_RUNNING('x').exitCode, 3)
  assert.is(errors.E_USAGE('x').exitCode, 2)
  assert.is(errors.E_ROOT('x').exitCode, 6)
  assert.is(errors.E_INTERRUPTED('x').exitCode, 130)
})

test('renderError() prints a line and a hint', () => {
  assert.is(
    renderError(busy('start', 'web', { pid: 123, verb: 'stop' }), { json: false }),
    'vserver: Cannot start "web": it is locked by pid 123 (vserver stop)\n' +
      '  try again when that command is done, or wait longer with --lock-timeout\n',
  )
  assert.is(
    renderError(errors.E_OP('Cannot x'), { json: true }),
    '{"error":{"code":"E_OP","message":"Cannot x","hint":null,"details":null}}\n',
  )
})

test('toVServerError() keeps the cause of anything thrown', () => {
  const cause = Object.assign(new Error('no'), { code: 'ENOSPC', syscall: 'write', path: '/x' })
  const error = toVServerError(cause, { interrupted: false })
  assert.is(error.code, 'E_DISK_FULL')
  assert.is(error.cause, cause)
  assert.is(toVServerError('text', { interrupted: false }).code, 'E_OP')
  assert.is(toVServerError(new Error('x'), { interrupted: true }).exitCode, 130)
  assert.ok(toVServerError(undefined, { interrupted: false }) instanceof VServerError)
})

test.run()
