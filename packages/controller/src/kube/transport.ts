// How does one HTTP request reach the Kubernetes API with the kubeconfig's identity?
// The library's generated clients know neither deadlines nor cancelling; its configuration and credentials are used.
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'

export type Call = {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export type Transport = {
  /** Resolves with the answer's head; the body is the caller's to read or destroy. */
  send(call: Call): Promise<IncomingMessage>
  close(): void
}

export type Loaded = { readonly transport: Transport; readonly server: string; readonly config: KubeConfig }

/** Sockets beyond the calls of a moment are streams: watches and followed logs. */
const maxSockets = 512

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
  const plain = new HttpAgent({ keepAlive: true, maxSockets })
  let agent: { key: string; value: HttpsAgent } | null = null

  /** Certificates of the kubeconfig may be renewed; connections are shared while they stay. */
  const agentFor = (options: RequestOptions): HttpsAgent => {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options
    const parts = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }
    const id = JSON.stringify(Object.values(parts).map((part) => (part === undefined ? null : String(part))))
    if (agent?.key !== id) {
      const set = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
      agent = { key: id, value: new HttpsAgent({ keepAlive: true, maxSockets, ...set }) }
    }
    return agent.value
  }

  return {
    server: cluster.server,
    config,
    transport: {
      async send({ method, path, headers, body, signal }) {
        signal.throwIfAborted()
        const options: RequestOptions = {}
        await config.applyToHTTPSOptions(options)
        const proxied = cluster.proxyUrl !== undefined
        const all: RequestOptions = {
          ...options,
          agent: proxied ? options.agent : secure ? agentFor(options) : plain,
          method,
          host: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port || (secure ? 443 : 80),
          path: `${base.pathname.replace(/\/$/, '')}${path}`,
          headers: { ...options.headers, accept: 'application/json', ...headers },
          signal,
        }
        return new Promise((resolve, reject) => {
          const fail = (error: Error): void => reject(signal.aborted ? (signal.reason as Error) : error)
          const call = (secure ? httpsRequest : httpRequest)(all, resolve)
          call.once('error', fail)
          call.end(body)
        })
      },
      close() {
        agent?.value.destroy()
        plain.destroy()
      },
    },
  }
}
