// How do tests get an API server that misbehaves on demand, and a namespace of their own on a real one?
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Kube } from './client.ts'
import { type Namespace, pathOf } from './objects.ts'
import { loadTransport, type Transport } from './transport.ts'
import { watchAll } from './watch.ts'

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

/** As the API server says no. */
export function refuse(
  response: ServerResponse,
  code: number,
  reason: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  json(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers)
}

/** A kubeconfig of its own leads the real transport to it. */
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
  const before = process.env.KUBECONFIG
  process.env.KUBECONFIG = file
  const { transport } = await loadTransport().finally(() => {
    if (before === undefined) delete process.env.KUBECONFIG
    else process.env.KUBECONFIG = before
  })
  return {
    seen,
    transport,
    answer(next) {
      how = next
    },
    cut: () => server.closeAllConnections(),
    async close() {
      transport.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    },
  }
}

/** Ready for pods: those are refused until the namespace has its service account. */
export async function makeSpace(kube: Kube, prefix: string): Promise<string> {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`
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
