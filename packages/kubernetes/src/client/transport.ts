// How does one HTTP request reach the Kubernetes API with the kubeconfig's identity?
// The library's generated clients know neither deadlines nor cancelling; its configuration and credentials are used.
import { Agent as HttpAgent, type IncomingMessage, type OutgoingHttpHeaders, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import type { Dial } from './socket.ts'

export type Call = {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Its answer goes on for hours: it has a connection of its own and takes none from the others. */
  readonly endless?: boolean
}

export type Transport = {
  /** Resolves with the answer's head; the body is the caller's to read or destroy. */
  send(call: Call): Promise<IncomingMessage>
  /** How a WebSocket of this path, with query, is opened. */
  dial(path: string): Promise<Dial>
  close(): void
}

export type Loaded = { readonly transport: Transport; readonly server: string; readonly config: KubeConfig }

/** Of calls that are answered at once: watches and followed logs are as many as there are pods: they are not counted. */
const maxSockets = 64
/** A connection that says nothing is asked after this long whether the other side is still there. */
const keepAliveMsecs = 15_000

type Agents<A> = { readonly calls: A; readonly streams: A }

const both = <A>(make: (limits: { keepAlive: true; keepAliveMsecs: number; maxSockets: number }) => A): Agents<A> => ({
  calls: make({ keepAlive: true, keepAliveMsecs, maxSockets }),
  streams: make({ keepAlive: true, keepAliveMsecs, maxSockets: Infinity }),
})

/**
 * In the cluster its service account, else KUBECONFIG or ~/.kube/config.
 * @throws when none names a cluster.
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

  /** Certificates of the kubeconfig may be renewed; connections are shared while they stay. */
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
        // Node sends the body of a DELETE without saying how long it is, which no server reads.
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
          // Also after the head has come: nobody else listens.
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
