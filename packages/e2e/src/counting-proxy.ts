// What does a controller ask the API server of its cluster? A proxy between the two counts.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)

type Kubeconfig = {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }]
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }]
}

export type CountingProxy = {
  /** A kubeconfig that leads to the proxy. */
  readonly kubeconfig: string
  /** Calls that are answered at once, since the last look; watches and followed logs go on and are not among them. */
  calls(): string[]
  /** Watches and followed logs that were begun since the last look. */
  streams(): string[]
  close(): Promise<void>
}

const buffer = (text: string): Buffer => Buffer.from(text, 'base64')

/** With the identity of the kubeconfig in the environment. */
export async function openCountingProxy(): Promise<CountingProxy> {
  const { stdout } = await run('kubectl', ['config', 'view', '--raw', '--flatten', '--output=json'])
  const { clusters, users } = JSON.parse(stdout) as Kubeconfig
  const { server: address, 'certificate-authority-data': ca } = clusters[0].cluster
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user
  const agent = new Agent({ keepAlive: true, ca: buffer(ca), cert: buffer(cert), key: buffer(key) })
  let calls: string[] = []
  let streams: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', address)
    const goesOn = url.searchParams.has('watch') || url.searchParams.has('follow')
    ;(goesOn ? streams : calls).push(`${request.method} ${url.pathname}`)
    const onward = httpsRequest(url, { method: request.method, headers: { ...request.headers, host: url.host }, agent })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      // A watch is silent until something happens: its head is what says that it has begun.
      response.flushHeaders()
      pipeline(answer, response, () => {})
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    pipeline(request, onward, () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(join(tmpdir(), 'deis-counting-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const { port } = server.address() as AddressInfo
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  return {
    kubeconfig,
    calls() {
      const seen = calls
      calls = []
      return seen
    },
    streams() {
      const seen = streams
      streams = []
      return seen
    },
    async close() {
      server.closeAllConnections()
      server.close()
      agent.destroy()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
