/**
 * A mirror on the loopback, which can be told to behave badly.
 *
 * @module
 */
import type { Buffer } from 'node:buffer'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** What happens to a request; `undefined` for what a good mirror does. */
export type Behaviour =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'redirect'; readonly to: string }
  /** Sends so many bytes, and then nothing for ever. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Promises all, sends so many bytes and hangs up. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Sends so many bytes and says that this is all. */
  | { readonly kind: 'short'; readonly bytes: number }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Bytes a second. */
  | { readonly kind: 'slow'; readonly rate: number }
  /** Never answers. */
  | { readonly kind: 'silent' }
  /** Sends the whole, whatever range was asked for. */
  | { readonly kind: 'no-ranges' }

export interface Asked {
  readonly path: string
  readonly range: string | undefined
  readonly host: string | undefined
}

export interface Mirror {
  readonly url: string
  /** Paths without the leading slash. */
  files: ReadonlyMap<string, Buffer>
  behave: (path: string, asked: number) => Behaviour | undefined
  readonly asked: Asked[]
  close(): Promise<void>
}

export async function startMirror(files: ReadonlyMap<string, Buffer>): Promise<Mirror> {
  const counts = new Map<string, number>()
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const mirror: Mirror = {
    url: `http://127.0.0.1:${port}/debian`,
    files,
    behave: () => undefined,
    asked: [],
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that goes through a proxy asks for the whole address.
    const path = new URL(request.url ?? '/', mirror.url).pathname.replace(/^\/debian\//, '')
    const { range, host } = request.headers
    mirror.asked.push({ path, range, host })
    const count = (counts.get(path) ?? 0) + 1
    counts.set(path, count)
    const behaviour = mirror.behave(path, count)
    const whole = behaviour?.kind === 'bytes' ? behaviour.bytes : mirror.files.get(path)
    response.on('error', () => undefined)
    if (behaviour?.kind === 'silent') return
    if (behaviour?.kind === 'status') {
      response.writeHead(behaviour.status).end('no')
      return
    }
    if (behaviour?.kind === 'redirect') {
      response.writeHead(302, { Location: behaviour.to }).end()
      return
    }
    if (whole === undefined) {
      response.writeHead(404).end('not here')
      return
    }
    const from = behaviour?.kind === 'no-ranges'
      ? 0
      : Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
    const body = whole.subarray(from)
    const ranged = from > 0
      ? { 'Content-Range': `bytes ${from}-${whole.length - 1}/${whole.length}` }
      : {}
    const head = (length: number) =>
      response.writeHead(from > 0 ? 206 : 200, { 'Content-Length': length, ...ranged })
    switch (behaviour?.kind) {
      case 'stall':
        head(body.length).write(body.subarray(0, behaviour.after))
        return
      case 'cut':
        head(body.length).write(body.subarray(0, behaviour.after), () => response.destroy())
        return
      case 'short':
        head(Math.min(behaviour.bytes, body.length)).end(body.subarray(0, behaviour.bytes))
        return
      case 'slow': {
        head(body.length)
        const step = Math.max(1, Math.floor(behaviour.rate / 20))
        for (let at = 0; at < body.length && !response.destroyed; at += step) {
          response.write(body.subarray(at, at + step))
          await setTimeout(50)
        }
        response.end()
        return
      }
      case undefined:
      case 'bytes':
      case 'no-ranges':
        head(body.length).end(body)
        return
      default:
        behaviour satisfies never
    }
  }
  return mirror
}
