// How do process managers and load balancers check that the router is alive and ready?
import { once } from 'node:events'
import { createServer } from 'node:http'
import { listen } from '@deis/lib/listen'

export type Health = { readonly port: number; close(): Promise<void> }

type Options = {
  /** 0: any free one. */
  readonly port: number
  readonly host: string | undefined
  /** Why the router is not ready; null: it is ready. */
  readonly unready: () => string | null
}

/** On its own port, since every path of every host on the others belongs to an app. */
export async function startHealth({ port, host, unready }: Options): Promise<Health> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    const reason = path === '/readyz' ? unready() : null
    const status = path !== '/healthz' && path !== '/readyz' ? 404 : reason === null ? 200 : 503
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' })
    response.end(`${status === 404 ? 'not found' : (reason ?? 'ok')}\n`)
  })
  const bound = await listen(server, port, host)
  return {
    port: bound,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
