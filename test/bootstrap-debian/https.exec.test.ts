/**
 * Mirrors over HTTPS, with and without a proxy: a TLS server, certificates of openssl, tinyproxy.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { connect, createServer as createPlain } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type Fetcher, makeFetcher } from '../../plugins/bootstrap-debian/http.ts'
import { suite, type TestContext } from '../support/suite.ts'
import { failure } from '../tree/lab.ts'

const test = suite('mirrors over HTTPS', { needs: ['openssl', 'tinyproxy'] })

interface Secure {
  readonly url: string
  /** The authority's certificate. */
  readonly authority: string
  readonly directory: string
}

/** A server whose certificate an authority of the test's own has signed. */
async function secureServer(
  { cleanup }: TestContext,
  { name = 'localhost' }: { name?: string } = {},
): Promise<Secure> {
  const directory = mkdtempSync(join(tmpdir(), 'vserver-https-'))
  cleanup(() => rmSync(directory, { recursive: true }))
  const at = (file: string) => join(directory, file)
  const openssl = (...args: readonly string[]) =>
    execFileSync('openssl', args, { stdio: 'ignore', cwd: directory })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test')
  openssl('req', ...key, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', `/CN=${name}`)
  writeFileSync(at('names'), `subjectAltName=DNS:${name}\n`)
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
  openssl('x509', '-req', '-in', 'request.pem', ...signed, '-out', 'cert.pem')
  const server = createServer(
    { key: readFileSync(at('key.pem')), cert: readFileSync(at('cert.pem')) },
    (request, response) => response.end(`this is ${request.url}`),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}/debian`, authority: at('ca.pem'), directory }
}

function fetcher({ cleanup }: TestContext, bundles: readonly string[]): Fetcher {
  const made = makeFetcher({
    source: 'debian:trixie',
    stallTimeoutMs: 5000,
    signal: new AbortController().signal,
    connections: 1,
    bundles,
  })
  cleanup(() => made.close())
  return made
}

test('are used when the host trusts who vouches for them', async (context) => {
  const { url, authority } = await secureServer(context)
  const bytes = await fetcher(context, ['/absent', authority]).read(`${url}/file`, 1000)
  assert.is(String(bytes), 'this is /debian/file')
})

test('are refused when nobody does, or for another name', async (context) => {
  const { url } = await secureServer(context)
  assert.match(
    await failure(fetcher(context, ['/absent']).read(url, 1000)),
    /nobody whom this host trusts has signed its certificate/,
  )
  const other = await secureServer(context, { name: 'elsewhere' })
  assert.match(
    await failure(fetcher(context, [other.authority]).read(other.url, 1000)),
    /its certificate is for another name/,
  )
})

async function freePort(): Promise<number> {
  const server = createPlain()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Starts tinyproxy and waits until it listens. */
async function proxy({ cleanup }: TestContext, directory: string) {
  const port = await freePort()
  const log = join(directory, 'proxy.log')
  const settings = join(directory, 'proxy.conf')
  writeFileSync(
    settings,
    `Port ${port}\nListen 127.0.0.1\nTimeout 30\nLogFile "${log}"\nLogLevel Connect\n`,
  )
  const child = spawn('tinyproxy', ['-d', '-c', settings], { stdio: 'ignore' })
  cleanup(() => child.kill())
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  for (let tries = 0; !await listens(); tries++) {
    if (tries === 100) throw new Error('tinyproxy does not listen')
    await sleep(50)
  }
  return { url: `http://127.0.0.1:${port}`, log: () => readFileSync(log, 'utf8') }
}

test('are reached through the proxy of the environment', async (context) => {
  const { url, authority, directory } = await secureServer(context)
  const { url: address, log } = await proxy(context, directory)
  process.env['https_proxy'] = address
  context.cleanup(() => delete process.env['https_proxy'])
  const bytes = await fetcher(context, [authority]).read(`${url}/through`, 1000)
  assert.is(String(bytes), 'this is /debian/through')
  assert.match(log(), new RegExp(`CONNECT ${new URL(url).host}`))
})

test.run()
