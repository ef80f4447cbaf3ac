/**
 * Debian's archive for machines: served to their emulated network from the cache, or from where the
 * host's own apt takes its packages.
 *
 * @module
 */
import { createReadStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { pipeline } from 'node:stream/promises'
import { chooseMirrors } from '../../plugins/bootstrap-debian/mirror.ts'
import { inLab } from './places.ts'

export interface Mirror {
  /** Its address as machines reach it. */
  readonly url: string
  /** How many files were asked for, and how many of them came from the cache. */
  readonly counts: () => { readonly asked: number; readonly cached: number }
  readonly close: () => Promise<void>
}

/** The host as QEMU's user network shows it. */
const HOST = '10.0.2.2'

/** Paths that never change what they hold, so that a copy is as good as the original. */
export function isImmutable(path: string): boolean {
  return /^\/pool\/.*\.deb$/.test(path) || /\/by-hash\/SHA256\/[0-9a-f]{64}$/.test(path)
}

/** Serves the archive on a free port of this machine's loopback. */
export async function startMirror(suite: string): Promise<Mirror> {
  const upstream = chooseMirrors({ suite, mirror: undefined, security: 'none' }).main
  const cache = inLab('mirror')
  let asked = 0
  let cached = 0
  const server = createServer((request, response) => {
    asked++
    const { pathname } = new URL(request.url ?? '/', 'http://mirror')
    const path = join(cache, pathname)
    if (isImmutable(pathname) && existsSync(path)) cached++
    answer({ pathname, path, upstream, response }).catch((error: unknown) => {
      console.error(`mirror: ${pathname}: ${String(error)}`)
      response.destroy()
    })
  })
  await listen(server)
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://${HOST}:${port}`,
    counts: () => ({ asked, cached }),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listen(server: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(0, '127.0.0.1', resolve)
  return promise
}

interface Asked {
  readonly pathname: string
  readonly path: string
  readonly upstream: string
  readonly response: ServerResponse
}

/** What is in the cache and cannot change comes from there; everything else is asked for first. */
async function answer({ pathname, path, upstream, response }: Asked): Promise<void> {
  if (!isImmutable(pathname) || !existsSync(path)) {
    const status = await fetchInto(path, `${upstream}${pathname}`)
    if (status !== 200 && !(status >= 500 && existsSync(path))) {
      response.writeHead(status).end()
      return
    }
  }
  response.writeHead(200, { 'content-length': statSync(path).size })
  await pipeline(createReadStream(path), response)
}

/** Fetches a file; the status of the answer, or 503 when there is none. */
async function fetchInto(path: string, url: string): Promise<number> {
  let body: Uint8Array
  try {
    const response = await fetch(url)
    if (response.status !== 200) return response.status
    body = new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    if (error instanceof TypeError) return 503
    throw error
  }
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}.${asking++}`
  await writeFile(temporary, body)
  renameSync(temporary, path)
  return 200
}

let asking = 0
