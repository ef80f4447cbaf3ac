/**
 * Plans that must be refused, described in text: `test/reject/CODE-what.reject`.
 *
 * A file holds a plan in its text form, a line `---`, and edits of its binary:
 *
 *     u32 12 = 9          a little-endian integer (u8, u16, u32, u64) at an offset
 *     program 1 + 0 …     the same, counted from the start of program 1
 *     op 2 + 14 …         … of op 2
 *     data + 3 …          … of the data
 *     truncate 20         keep so many bytes
 *     append 4            add so many zero bytes
 *     expect op 2         the op that the refusal names; 0 if absent
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from '../../core/plan/encode.ts'
import { size } from '../../core/plan/layout.ts'
import { parse } from '../../core/plan/parse.ts'
import { inRepository } from '../support/paths.ts'

export interface Reject {
  readonly file: string
  /** Name of the refusal code. */
  readonly code: string
  readonly op: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

const EDIT = /^(?:(program|op|data) ?(\d*) \+ )?(?:u(8|16|32|64)) (\d+) = (-?\w+)$/

/** Where the parts of an encoded plan start. */
function starts(bytes: Uint8Array<ArrayBuffer>) {
  const word = (offset: number) => new DataView(bytes.buffer).getUint32(offset, true)
  const ops = size.HEADER + word(12) * size.PROGRAM
  return {
    program: (i: number) => size.HEADER + i * size.PROGRAM,
    op: (i: number) => ops + i * size.OP,
    data: () => ops + word(16) * size.OP,
  }
}

/** Applies one line of edits; gives back the bytes, which may be others. */
function edit(
  bytes: Uint8Array<ArrayBuffer>,
  line: string,
  base: ReturnType<typeof starts>,
): Uint8Array<ArrayBuffer> {
  const [word, count] = line.split(' ')
  if (word === 'truncate') return bytes.slice(0, Number(count))
  if (word === 'append') return Uint8Array.from([...bytes, ...new Uint8Array(Number(count))])
  const [, part, index, bits, offset, value] = EDIT.exec(line) ?? []
  if (value === undefined) throw new RangeError(`not an edit: ${line}`)
  const from = part === 'program' || part === 'op' || part === 'data'
    ? base[part](Number(index))
    : 0
  const width = Number(bits) / 8
  for (let i = 0; i < width; i++) {
    bytes[from + Number(offset) + i] = Number(BigInt.asUintN(8, BigInt(value) >> BigInt(8 * i)))
  }
  return bytes
}

/** Reads one description. Pure. */
export function describeReject(file: string, content: string): Reject {
  const [text = '', edits = ''] = content.replace(/^#.*\n/gm, '').split('---\n')
  let bytes = encode(parse(text))
  const base = starts(bytes)
  let op = 0
  for (const line of edits.split('\n').filter((each) => each !== '')) {
    const expected = /^expect op (\d+)$/.exec(line)
    if (expected) op = Number(expected[1])
    else bytes = edit(bytes, line, base)
  }
  return { file, code: file.slice(0, file.indexOf('-')), op, bytes }
}

/** All descriptions in `test/reject`, sorted by name. */
export function readCorpus(): readonly Reject[] {
  const folder = inRepository('test/reject')
  return readdirSync(folder).filter((name) => name.endsWith('.reject')).sort().map((name) =>
    describeReject(name, readFileSync(join(folder, name), 'utf8'))
  )
}
