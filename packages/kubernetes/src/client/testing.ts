// How do tests get an API server that misbehaves on demand, and a namespace of their own on a real one?
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import type { Kube } from './client.ts'
import { type Namespace, pathOf } from './objects.ts'
import { loadTransport, type Transport } from './transport.ts'
import { watchAll } from './watch.ts'

/** Whether there is a cluster to test with, and its registry. */
export const isClusterThere = process.env.KUBECONFIG !== undefined && process.env.TEST_REGISTRY !== undefined

export type Seen = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly type: string | undefined
  readonly body: string
}
export type Answer = (request: Seen, response: ServerResponse, raw: IncomingMessage) => void

export type FakeApi = {
  /** All requests so far. */
  readonly seen: Seen[]
  readonly transport: Transport
  /** What answers from now on. */
  answer(how: Answer): void
  /** How WebSockets are handled from now on. */
  upgrade(how: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void
  /** Cuts all connections. */
  cut(): void
  close(): Promise<void>
}

export function json(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** Answers with an error like the API server's. */
export function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers)
}

/** The transport of the kubeconfig in this file. */
export async function transportOf(file: string): Promise<Transport> {
  const before = process.env.KUBECONFIG
  process.env.KUBECONFIG = file
  try {
    return (await loadTransport()).transport
  } finally {
    if (before === undefined) delete process.env.KUBECONFIG
    else process.env.KUBECONFIG = before
  }
}

/** The real transport reaches it through its own kubeconfig. */
export async function openFakeApi(): Promise<FakeApi> {
  const seen: Seen[] = []
  let how: Answer = (_, response) => refuse(response, 404, 'NotFound', 'nothing is here')
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => {
        const url = new URL(request.url ?? '/', 'http://api')
        const type = request.headers['content-type']
        const one = { method: request.method ?? '', path: url.pathname, query: url.searchParams, type, body }
        seen.push(one)
        how(one, response, request)
      })
      .catch(() => response.destroy())
  })
  let upgraded: Parameters<FakeApi['upgrade']>[0] = (_, socket) => void socket.destroy()
  const sockets = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    upgraded(request, socket, head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(join(tmpdir(), 'deis-kube-'))
  const file = join(folder, 'kubeconfig')
  const { port } = server.address() as AddressInfo
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  const transport = await transportOf(file)
  const cut = (): void => {
    server.closeAllConnections()
    for (const socket of sockets) socket.destroy()
  }
  return {
    seen,
    transport,
    answer(next) {
      how = next
    },
    upgrade(next) {
      upgraded = next
    },
    cut,
    async close() {
      transport.close()
      cut()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    },
  }
}

/** Creates a namespace that is ready for pods: they are refused until it has its service account. */
export async function makeSpace(kube: Kube, prefix: string): Promise<string> {
  const name = noteNamespaces(`${prefix}-${randomBytes(3).toString('hex')}`)
  await kube.apply<Namespace>({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { heritage: 'deis' } },
  })
  const accounts = await watchAll(kube, pathOf('v1/ServiceAccount', name), { trouble: () => {} })
  await new Promise<void>((resolve) => {
    accounts.onChange(() => resolve())
    if (accounts.all().length > 0) resolve()
  })
  await accounts.close()
  return name
}
