/**
 * Signatures of release files.
 *
 * @module
 */
import type { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import type { PublicKey } from 'openpgp'
import { archiveKeys } from './keys/index.ts'
import { messageOf, sourceFailure } from './failure.ts'

export interface Signed {
  /** For messages. */
  readonly source: string
  readonly url: string
  /** A file of trusted keys; Debian's when undefined. */
  readonly keyring: string | undefined
}

/** It takes 40 ms to load. */
const library = async () => await import('openpgp')

async function trustedKeys({ source, keyring }: Signed): Promise<readonly PublicKey[]> {
  const { readKeys } = await library()
  if (keyring === undefined) {
    const lists = await Promise.all(archiveKeys.map((armoredKeys) => readKeys({ armoredKeys })))
    return lists.flat()
  }
  try {
    const bytes = readFileSync(keyring)
    return bytes.subarray(0, 5).toString('latin1') === '-----'
      ? await readKeys({ armoredKeys: bytes.toString('utf8') })
      : await readKeys({ binaryKeys: bytes })
  } catch (cause) {
    throw sourceFailure(source, `the keyring "${keyring}" cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

interface Verification {
  readonly keyID: { toHex(): string }
  readonly verified: Promise<true>
}

/** Whether one signature is good and by a trusted key; throws with what is wrong with each if none is. */
async function demand(signatures: readonly Verification[], signed: Signed): Promise<void> {
  const complaints: string[] = []
  for (const { keyID, verified } of signatures) {
    try {
      await verified
      return
    } catch (error) {
      complaints.push(`${keyID.toHex().toUpperCase()}: ${messageOf(error)}`)
    }
  }
  const detail = complaints.length === 0 ? 'it has no signature' : complaints.join('; ')
  throw sourceFailure(
    signed.source,
    `${signed.url}: it is not signed by a key that is trusted (${detail})`,
    { url: signed.url, hint: 'use another mirror; this one may have been tampered with' },
  )
}

/**
 * Verifies a clear-signed file.
 *
 * @returns what was signed, and nothing else of the file
 * @throws {VServerError} E_SOURCE
 */
export async function verifyInline(bytes: Buffer, signed: Signed): Promise<string> {
  const { readCleartextMessage, verify } = await library()
  const keys = await trustedKeys(signed)
  try {
    const message = await readCleartextMessage({ cleartextMessage: bytes.toString('utf8') })
    const { data, signatures } = await verify({ message, verificationKeys: [...keys] })
    await demand(signatures, signed)
    return data
  } catch (error) {
    throw damaged(error, signed)
  }
}

/** Verifies a file by the signature that lies beside it. @throws {VServerError} E_SOURCE */
export async function verifyDetached(
  bytes: Buffer,
  signature: Buffer,
  signed: Signed,
): Promise<string> {
  const { createMessage, readSignature, verify } = await library()
  const keys = await trustedKeys(signed)
  try {
    const parsed = signature.subarray(0, 5).toString('latin1') === '-----'
      ? await readSignature({ armoredSignature: signature.toString('utf8') })
      : await readSignature({ binarySignature: signature })
    const message = await createMessage({ binary: new Uint8Array(bytes) })
    const { signatures } = await verify({
      message,
      signature: parsed,
      verificationKeys: [...keys],
    })
    await demand(signatures, signed)
    return bytes.toString('utf8')
  } catch (error) {
    throw damaged(error, signed)
  }
}

function damaged(error: unknown, { source, url }: Signed): unknown {
  if (error instanceof Error && error.name === 'VServerError') return error
  return sourceFailure(source, `${url}: its signature cannot be read: ${messageOf(error)}`, {
    url,
    cause: error,
  })
}
