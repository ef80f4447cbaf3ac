/**
 * Kept plans: a compiled plan together with everything it was made from, so that the executor can tell
 * by stat alone whether it still holds. `layout.kept` and `layout.input` of the plan's binary interface.
 *
 * An input is compared with lstat semantics: the link itself, never what it points to (statx with
 * AT_SYMLINK_NOFOLLOW on the other side). `dev` is written as glibc's `makedev` has it:
 * `(major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 | minor & 0xff`.
 * Times are nanoseconds since 1970. An absent input has zeros everywhere.
 *
 * @module
 */
import { kept as flag, layout, limit, magic, PLAN_VERSION } from '../plan/abi.ts'
import { errors } from '../errors.ts'
import { sizeOf } from '../plan/layout.ts'
import { readFields, writeFields } from './layout.ts'

/** How an input must compare: it was absent; nothing of it may differ; only dev and ino must hold. */
export const presence = { ABSENT: 0, EXACT: 1, SAME: 2 } as const
export type Presence = typeof presence[keyof typeof presence]

/** One path that a plan was made from, as it was then. */
export interface KeptInput {
  readonly path: string
  readonly present: Presence
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

export interface Kept {
  /** An encoded plan. */
  readonly plan: Uint8Array
  readonly inputs: readonly KeptInput[]
  /** See `card` in `core/plan/abi.ts`: strings without NUL, in order. */
  readonly text: readonly string[]
  readonly stopSignal: number
  readonly stopTimeoutMs: number
  /** Whether the init speaks `READY=1`. */
  readonly notifies: boolean
  /** Whether its `after` names other guests, which start first where one command starts several. */
  readonly ordered: boolean
  /** Boot id: 16 bytes. */
  readonly boot: Uint8Array
  /** Build of the executor: 32 bytes. */
  readonly build: Uint8Array
}

const headerBytes = sizeOf(layout.kept)
const inputBytes = sizeOf(layout.input)

/**
 * Encodes a kept plan. Pure.
 *
 * @param kept its plan as `encode` gives it, a multiple of 8 bytes long
 * @throws {RangeError} when it would exceed `limit.KEPT_BYTES` or `limit.INPUTS`, or a text holds NUL
 */
export function encodeKept(kept: Kept): Uint8Array {
  const { inputs, plan } = kept
  if (inputs.length > limit.INPUTS) throw new RangeError(`${inputs.length} inputs are too many`)
  const strings = [...kept.text, ...inputs.map(({ path }) => path)]
  if (strings.some((string) => string.includes('\0'))) throw new RangeError('a text holds NUL')
  const encoded = strings.map((string) => Buffer.from(`${string}\0`))
  const text = Buffer.concat(encoded)
  let pathOffset = encoded.slice(0, kept.text.length).reduce((sum, part) => sum + part.length, 0)

  const planOffset = headerBytes + inputs.length * inputBytes
  const textOffset = planOffset + plan.length
  const size = textOffset + text.length
  if (size > limit.KEPT_BYTES) throw new RangeError(`a kept plan of ${size} bytes is too large`)
  const file = new Uint8Array(size)
  writeFields(layout.kept, { bytes: file, offset: 0 }, {
    magic: magic.KEPT,
    version: PLAN_VERSION,
    size,
    input_count: inputs.length,
    plan_offset: planOffset,
    plan_size: plan.length,
    text_offset: textOffset,
    text_size: text.length,
    stop_signal: kept.stopSignal,
    flags: (kept.notifies ? flag.NOTIFIES : 0) | (kept.ordered ? flag.ORDERED : 0),
    stop_timeout_ms: kept.stopTimeoutMs,
    boot: kept.boot,
    build: kept.build,
  })
  inputs.forEach((input, index) => {
    writeFields(layout.input, { bytes: file, offset: headerBytes + index * inputBytes }, {
      dev: input.dev,
      ino: input.ino,
      size: input.size,
      mtime_ns: input.mtimeNs,
      ctime_ns: input.ctimeNs,
      path: pathOffset,
      present: input.present,
    })
    pathOffset += encoded[kept.text.length + index]?.length ?? 0
  })
  file.set(plan, planOffset)
  file.set(text, textOffset)
  return file
}

/**
 * Decodes a kept plan. Pure.
 *
 * @throws {VServerError} E_PLAN when the bytes are not one
 */
export function decodeKept(file: Uint8Array): Kept {
  const damaged = (detail: string) => errors.E_PLAN(`Cannot read a kept plan: ${detail}`)
  if (file.length < headerBytes) throw damaged('it is too short')
  const head = readFields(layout.kept, { bytes: file, offset: 0 })
  if (head.number('magic') !== magic.KEPT) throw damaged('it does not start as one')
  if (head.number('version') !== PLAN_VERSION) throw damaged('it is of another version')
  if (head.number('size') !== file.length) throw damaged('its size is not the one it names')
  const inputCount = head.number('input_count')
  const planOffset = head.number('plan_offset')
  const planSize = head.number('plan_size')
  const textOffset = head.number('text_offset')
  const textSize = head.number('text_size')
  if (
    inputCount > limit.INPUTS || planOffset !== headerBytes + inputCount * inputBytes ||
    textOffset !== planOffset + planSize || textOffset + textSize !== file.length
  ) throw damaged('its parts do not fit together')
  const text = Buffer.from(file.buffer, file.byteOffset + textOffset, textSize)
  if (textSize > 0 && text[textSize - 1] !== 0) throw damaged('its text does not end')

  let cardEnd = textSize
  const inputs: KeptInput[] = []
  for (let index = 0; index < inputCount; index++) {
    const input = readFields(layout.input, {
      bytes: file,
      offset: headerBytes + index * inputBytes,
    })
    const start = input.number('path')
    if (start >= textSize) throw damaged('an input lies outside its text')
    if (index === 0) cardEnd = start
    inputs.push({
      path: text.toString('utf8', start, text.indexOf(0, start)),
      present: toPresence(input.number('present')),
      dev: input.big('dev'),
      ino: input.big('ino'),
      size: input.big('size'),
      mtimeNs: input.big('mtime_ns'),
      ctimeNs: input.big('ctime_ns'),
    })
  }
  return {
    plan: file.subarray(planOffset, textOffset),
    inputs,
    text: cardEnd === 0 ? [] : text.toString('utf8', 0, cardEnd - 1).split('\0'),
    stopSignal: head.number('stop_signal'),
    stopTimeoutMs: head.number('stop_timeout_ms'),
    notifies: (head.number('flags') & flag.NOTIFIES) !== 0,
    ordered: (head.number('flags') & flag.ORDERED) !== 0,
    boot: head.bytes('boot'),
    build: head.bytes('build'),
  }
}

function toPresence(value: number): Presence {
  if (value === presence.ABSENT || value === presence.EXACT || value === presence.SAME) return value
  throw errors.E_PLAN('Cannot read a kept plan: an input is marked in an unknown way')
}
