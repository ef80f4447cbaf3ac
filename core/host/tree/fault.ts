/**
 * What is wrong with one member of a tree, before archive and member are known. Pure.
 *
 * @module
 */
import { errors, VServerError } from '../../errors.ts'
import { type ByteString, showName } from './names.ts'

/** The message is a clause: `its name is absolute`. {@link inArchive} makes an error for people of it. */
export class MemberFault extends Error {
  override readonly name = 'MemberFault'
}

/**
 * Adds archive and member to a fault; anything else stays as it is. Pure.
 *
 * @param member the name as the archive has it; undefined when there is none yet
 */
export function inArchive(
  fault: unknown,
  { archive, member }: { archive: string; member: ByteString | undefined },
): unknown {
  if (!(fault instanceof MemberFault)) return fault
  const name = member === undefined ? undefined : showName(member)
  const where = name === undefined ? '' : `"${name}": `
  return badArchive(archive, `${where}${fault.message}`, name)
}

/** An archive that cannot be unpacked. */
export function badArchive(archive: string, detail: string, member?: string): VServerError {
  return errors.E_ARCHIVE(`Cannot unpack "${archive}": ${detail}`, {
    details: member === undefined ? { archive } : { archive, member },
  })
}
