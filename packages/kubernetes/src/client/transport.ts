// How is one HTTP request sent to the Kubernetes API with the kubeconfig's credentials?
// The library's generated clients have neither deadlines nor cancellation; only its configuration and credentials are used.
import { Agent as HttpAgent, type IncomingMessage, type OutgoingHttpHeaders, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Dial } from './socket.ts'

export type Call = {
  readonly method: string
  /** Includes the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Whether the answer goes on for hours: such calls do not count toward the limit of connections. */
  readonly endless?: boolean
}

export type Transport = {
  /** Resolves with the answer's head; the body is the caller's to read or destroy. */
  send(call: Call): Promise<IncomingMessage>
  /** The address and options to open a WebSocket of this path, which includes the query. */
  dial(path: string): Promise<Dial>
  close(): void
}

export type Loaded = { readonly transport: Transport; readonly server: string; readonly config: KubeConfig }

/** For calls that are answered at once. Watches and followed logs are as many as there are pods, and not limited. */
const maxSockets = 64
/** After this long without data, TCP keep-alive checks the other side. */
const keepAliveMsecs = 15_000

type Agents<A> = { readonly calls: A; readonly streams: A }

const both = <A>(make: (limits: { keepAlive: true; keepAliveMsecs: number; maxSockets: number }) => A): Agents<A> => ({
  calls: make({ keepAlive: true, keepAliveMsecs, maxSockets }),
  streams: make({ keepAlive: true, keepAliveMsecs, maxSockets: Infinity }),
})

/**
 * Uses the service account inside a cluster, else KUBECONFIG or ~/.kube/config.
 * @throws if none of them names a cluster.
 */
export async function loadTransport(): Promise<Loaded> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromDefault()
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error('no Kubernetes cluster is configured: set KUBECONFIG')
  const base = new URL(cluster.server)
  const secure = base.protocol === 'https:'
  const proxied = cluster.proxyUrl !== undefined
  const root = base.pathname.replace(/\/$/, '')
  const plain = both((limits) => new HttpAgent(limits))
  let secured: { readonly key: string; readonly agents: Agents<HttpsAgent> } | null = null

  /** Connections are shared until the certificates of the kubeconfig change. */
  const agentsFor = (options: RequestOptions): Agents<HttpsAgent> => {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options
    const parts = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }
    const id = JSON.stringify(
      Object.values(parts).map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : part)),
    )
    if (secured?.key !== id) {
      const set = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
      secured = { key: id, agents: both((limits) => new HttpsAgent({ ...limits, ...set })) }
    }
    return secured.agents
  }

  return {
    server: cluster.server,
    config,
    transport: {
      async send({ method, path, headers, body, signal, endless = false }) {
        signal.throwIfAborted()
        const options: RequestOptions = {}
        await config.applyToHTTPSOptions(options)
        // Node sends the body of a DELETE without a length, and servers ignore such a body.
        const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
        const kind = endless ? 'streams' : 'calls'
        const all: RequestOptions = {
          ...options,
          agent: proxied ? options.agent : (secure ? agentsFor(options) : plain)[kind],
          method,
          host: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port || (secure ? 443 : 80),
          path: `${root}${path}`,
          headers: { ...(options.headers as OutgoingHttpHeaders), accept: 'application/json', ...length, ...headers },
          signal,
        }
        return new Promise((resolve, reject) => {
          const fail = (error: Error): void => reject(signal.aborted ? (signal.reason as Error) : error)
          const call = (secure ? httpsRequest : httpRequest)(all, resolve)
          // Also for errors after the head has come, which nothing else handles.
          call.on('error', fail)
          call.end(body)
        })
      },
      async dial(path) {
        const options: RequestOptions = {}
        await config.applyToHTTPSOptions(options)
        const { agent, ...identity } = options
        const address = `${secure ? 'wss' : 'ws'}://${base.host}${root}${path}`
        return { address, options: proxied ? { ...identity, agent } : identity }
      },
      close() {
        for (const agents of secured ? [secured.agents, plain] : [plain]) {
          agents.calls.destroy()
          agents.streams.destroy()
        }
      },
    },
  }
}
