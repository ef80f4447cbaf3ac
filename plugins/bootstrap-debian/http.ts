/**
 * Fetching over HTTP and HTTPS: with the proxies of the environment, and limits on redirects and on how
 * long a transfer may stand still.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import process from 'node:process'
import { errors } from '../../core/errors.ts'
import { messageOf, sourceFailure } from './failure.ts'
import { trustedAuthorities } from './trust.ts'

const REDIRECTS_MAX = 10

export interface Fetcher {
  /**
   * Asks for a resource, from a byte on.
   *
   * @returns a response of status 200 or 206, or undefined for 404 and 410
   * @throws {VServerError} E_SOURCE for every other answer, and for none
   */
  open(url: string, options?: { from?: number }): Promise<Response | undefined>
  /** A whole small resource; undefined for 404. */
  read(url: string, mostBytes: number): Promise<Buffer | undefined>
  close(): void
}

export interface Response {
  /** Where the body starts in the resource: 0 when the server does not do ranges. */
  readonly from: number
  /** Chunks; throws E_SOURCE when the transfer stands still, breaks off, or is short. */
  readonly body: AsyncIterable<Buffer>
}

export interface FetchOptions {
  /** For messages. */
  readonly source: string
  readonly stallTimeoutMs: number
  readonly signal: AbortSignal
  readonly connections: number
  /** Files of certificates that the host trusts; those of the distributions unless told. */
  readonly bundles?: readonly string[]
}

/** Node's own errors in the words of a person. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection broke off',
  EPIPE: 'the connection broke off',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up: no answer from DNS',
  ENETUNREACH: 'the network cannot be reached',
  EHOSTUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'there is no answer',
  SELF_SIGNED_CERT_IN_CHAIN: 'nobody whom this host trusts has signed its certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'nobody whom this host trusts has signed its certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'nobody whom this host trusts has signed its certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'nobody whom this host trusts has signed its certificate',
  CERT_HAS_EXPIRED: "its certificate has expired, or this host's clock is wrong",
  CERT_NOT_YET_VALID: "its certificate is not valid yet, or this host's clock is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** Makes a fetcher; it keeps connections open until it is closed. */
export function makeFetcher(options: FetchOptions): Fetcher {
  const { source, stallTimeoutMs, signal, connections } = options
  const agentOptions = {
    keepAlive: true,
    maxSockets: connections,
    // Looked at by the agents: http_proxy, https_proxy and no_proxy.
    proxyEnv: process.env,
  }
  const plain = new http.Agent(agentOptions)
  let secure: https.Agent | undefined
  // Made when it is needed: a few hundred certificates take a while to read.
  const secureAgent = () =>
    secure ??= new https.Agent({ ...agentOptions, ca: [...trustedAuthorities(options.bundles)] })

  const fail = (url: string, detail: string, cause?: unknown) =>
    sourceFailure(source, `${url}: ${detail}`, {
      url,
      cause,
      hint: 'check the network and the mirror (--option mirror=URL names another)',
    })
  const explain = (url: string, thrown: unknown) => {
    if (signal.aborted) return errors.E_INTERRUPTED(`Cannot use "${source}": interrupted`)
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
    return fail(url, reasons[code] ?? messageOf(thrown), thrown)
  }
  const stalled = (url: string) =>
    fail(url, `nothing came for ${Math.round(stallTimeoutMs / 100) / 10} s`)

  /** One request, without following. Its time limit covers the look-up of the name, too. */
  const ask = (url: string, from: number) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const parsed = new URL(url)
      const client = parsed.protocol === 'https:' ? https : http
      const request = client.get(parsed, {
        agent: parsed.protocol === 'https:' ? secureAgent() : plain,
        headers: {
          'User-Agent': 'vserver',
          Accept: '*/*',
          ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
        },
        signal,
      })
      const timer = setTimeout(() => request.destroy(stalled(url)), stallTimeoutMs)
      request.once('response', (response) => {
        clearTimeout(timer)
        resolve(response)
      })
      request.once('error', (error) => {
        clearTimeout(timer)
        reject(
          error instanceof Error && error.name === 'VServerError' ? error : explain(url, error),
        )
      })
    })

  async function* bodyOf(url: string, response: IncomingMessage): AsyncGenerator<Buffer> {
    response.setTimeout(stallTimeoutMs, () => response.destroy(stalled(url)))
    const announced = Number(response.headers['content-length'] ?? NaN)
    let got = 0
    try {
      for await (const chunk of response) {
        const bytes: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk)
        got += bytes.length
        yield bytes
      }
    } catch (error) {
      if (error instanceof Error && error.name === 'VServerError') throw error
      throw explain(url, error)
    } finally {
      response.destroy()
    }
    if (!Number.isNaN(announced) && got < announced) {
      throw fail(url, `it ended after ${got} of ${announced} bytes`)
    }
  }

  const open: Fetcher['open'] = async (url, { from = 0 } = {}) => {
    let at = url
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const response = await ask(at, from)
      const status = response.statusCode ?? 0
      const { location } = response.headers
      if (status >= 300 && status < 400 && location !== undefined) {
        response.resume()
        const next = URL.canParse(location, at) ? new URL(location, at) : undefined
        if (next === undefined || !/^https?:$/.test(next.protocol)) {
          throw fail(at, `it redirects to "${location}"`)
        }
        at = next.href
        continue
      }
      if (status === 404 || status === 410) {
        response.resume()
        return undefined
      }
      if (status !== 200 && status !== 206) {
        response.resume()
        throw fail(at, `the server answered ${status} ${response.statusMessage ?? ''}`.trim())
      }
      const range = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')
      const start = status === 206 ? Number(range?.[1] ?? from) : 0
      return { from: start, body: bodyOf(at, response) }
    }
    throw fail(url, `it redirects more than ${REDIRECTS_MAX} times`)
  }

  return {
    open,
    async read(url, mostBytes) {
      const response = await open(url)
      if (response === undefined) return undefined
      const parts: Buffer[] = []
      let length = 0
      for await (const chunk of response.body) {
        length += chunk.length
        if (length > mostBytes) throw fail(url, `it is over ${mostBytes} bytes`)
        parts.push(chunk)
      }
      return Buffer.concat(parts)
    },
    close() {
      plain.destroy()
      secure?.destroy()
    },
  }
}
