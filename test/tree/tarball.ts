/**
 * Hand-made tar archives for tests, byte by byte. Pure.
 *
 * @module
 */
import { Buffer } from 'node:buffer'

export interface Fields {
  readonly name?: string
  readonly mode?: string
  readonly uid?: string
  readonly gid?: string
  /** Octal digits or raw bytes, as in the header. */
  readonly size?: string
  readonly mtime?: string
  readonly type?: string
  readonly link?: string
  readonly magic?: string
  readonly prefix?: string
  readonly major?: string
  readonly minor?: string
  /** Bytes at offsets, written last but for the checksum. */
  readonly raw?: readonly (readonly [at: number, bytes: string])[]
  readonly data?: string | Buffer
  readonly checksum?: string
}

/** A member: its header and its data, padded. Strings are bytes. */
export function tarMember(fields: Fields): Buffer {
  const data = typeof fields.data === 'string' ? Buffer.from(fields.data, 'latin1') : fields.data
  const block = Buffer.alloc(512)
  const put = (at: number, value: string) => block.write(value, at, 'latin1')
  put(0, fields.name ?? 'file')
  put(100, fields.mode ?? '0000644\0')
  put(108, fields.uid ?? '0000000\0')
  put(116, fields.gid ?? '0000000\0')
  put(124, fields.size ?? (data?.length ?? 0).toString(8).padStart(11, '0'))
  put(136, fields.mtime ?? '00000000000')
  put(156, fields.type ?? '0')
  put(157, fields.link ?? '')
  put(257, fields.magic ?? 'ustar\x0000')
  put(329, fields.major ?? '0000000\0')
  put(337, fields.minor ?? '0000000\0')
  put(345, fields.prefix ?? '')
  for (const [at, bytes] of fields.raw ?? []) put(at, bytes)
  put(148, '        ')
  const sum = block.reduce((total, byte) => total + byte, 0)
  put(148, fields.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `)
  return Buffer.concat([block, padded(data ?? Buffer.alloc(0))])
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)])
}

/** One pax record; the length counts itself. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length
  return `${length}${rest}`
}

/** A pax header that describes the next member. */
export function paxHeader(
  records: readonly (readonly [key: string, value: string])[],
  type = 'x',
): Buffer {
  const data = records.map(([key, value]) => paxRecord(key, value)).join('')
  return tarMember({ name: 'PaxHeaders/file', type, data })
}

/** An archive with its end. */
export function tarball(...members: readonly (Fields | Buffer)[]): Buffer {
  const bytes = members.map((member) => Buffer.isBuffer(member) ? member : tarMember(member))
  return Buffer.concat([...bytes, Buffer.alloc(1024)])
}
