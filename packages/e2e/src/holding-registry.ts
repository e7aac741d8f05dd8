// How is a controller caught while it pushes an image? A real registry behind a proxy, which keeps back the answer to a manifest.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { startRegistry } from '@deis/registry/testing'

export type HoldingRegistry = {
  readonly host: string
  /** From now on; resolves when the registry has stored a manifest, and whoever pushed it does not know yet. */
  hold(): Promise<void>
  close(): Promise<void>
}

export async function startHoldingRegistry(): Promise<HoldingRegistry> {
  const registry = await startRegistry()
  let held: (() => void) | null = null
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const onward = request(`http://${registry.host}${url}`, { method, headers }, (answer) => {
      if (held && method === 'PUT' && url.includes('/manifests/')) {
        held()
        held = null
        answer.resume()
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      pipeline(answer, outgoing, () => {})
    })
    onward.on('error', () => outgoing.destroy())
    pipeline(incoming, onward, () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: () => new Promise((resolve) => (held = resolve)),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await registry.close()
    },
  }
}
