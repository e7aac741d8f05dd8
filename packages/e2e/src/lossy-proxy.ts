// Which proxy between a client and the controller loses responses, and reports when a change passes?
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How a client sees that there is no answer: the connection is reset, or a proxy says 502. */
export type Loss = 'reset' | '502'

export type LossyProxy = {
  readonly url: string
  /** Of what follows. */
  lose(how: Loss): void
  /** Calls `act` once: with the next change that arrives, before it is passed on, or before its answer is. */
  atNext(when: 'arrival' | 'passed' | 'answer', act: () => Promise<void>): void
  /** Cuts the connections of changes that wait for an answer; the controller goes on with them. */
  cut(): void
  close(): Promise<void>
}

type Act = { readonly when: 'arrival' | 'passed' | 'answer'; readonly act: () => Promise<void> }

export async function openLossyProxy(api: string): Promise<LossyProxy> {
  let loss: Loss = 'reset'
  let next: Act | null = null
  const waiting = new Set<ServerResponse>()
  const lost = (response: ServerResponse): void => {
    if (loss === 'reset' || response.headersSent) response.destroy()
    else response.writeHead(502, { 'content-type': 'text/html' }).end('<html>502 Bad Gateway')
  }
  const happens = async (when: Act['when'], isChange: boolean): Promise<void> => {
    if (!isChange || next?.when !== when) return
    const { act } = next
    next = null
    await act()
  }
  const pass = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const isChange = from.method !== 'GET'
    const chunks: Buffer[] = []
    for await (const chunk of from) chunks.push(chunk as Buffer)
    if (isChange) waiting.add(to)
    to.once('close', () => waiting.delete(to))
    await happens('arrival', isChange)
    const onward = request(new URL(from.url ?? '/', api), { method: from.method, headers: from.headers, agent: false })
    onward.on('error', () => lost(to))
    onward.on('response', (answer) => {
      void happens('answer', isChange).then(() => {
        if (to.destroyed) return void answer.resume()
        to.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.on('error', () => to.destroy()).pipe(to)
      })
    })
    onward.end(Buffer.concat(chunks))
    await happens('passed', isChange)
  }
  const server = createServer((from, to) => {
    pass(from, to).catch(() => to.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose(how) {
      loss = how
    },
    atNext(when, act) {
      next = { when, act }
    },
    cut() {
      for (const response of waiting) response.destroy()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
