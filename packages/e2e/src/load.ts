// Does an app answer every single request while things happen to it?
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './http.ts'
import type { Platform } from './platform.ts'

export type Load = {
  sent(): number
  /** Milliseconds since the start. */
  elapsed(): number
  /** Goes on until at least so many requests were answered, then ends; what went wrong, and when, since the start. */
  stop(atLeast: number): Promise<readonly string[]>
}

const body = 'x'.repeat(2000)

/** So many clients over kept connections, each reading and writing in turn and resting a moment in between. */
export function startLoad(
  platform: Pick<Platform, 'routerPort'>,
  app: string,
  { clients = 8, pauseMs = 4 } = {},
): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const started = Date.now()
  const elapsed = (): number => Date.now() - started
  const failures: string[] = []
  let sent = 0
  let stopAt = Infinity
  const once = async (turn: number): Promise<string | null> => {
    try {
      if (turn % 2 === 0) {
        const { status, body: said } = await ask(platform, app, { agent })
        return status === 200 ? null : `GET ${status} ${said.slice(0, 200)}`
      }
      const { status, body: said } = await ask(platform, app, { agent, method: 'POST', path: '/echo', body })
      return status === 200 && said === body ? null : `POST ${status} ${said.slice(0, 200)}`
    } catch (error) {
      return String(error)
    }
  }
  const client = async (first: number): Promise<void> => {
    for (let turn = first; sent < stopAt; turn++) {
      sent++
      const asked = elapsed()
      const failure = await once(turn)
      if (failure !== null) failures.push(`asked after ${asked} ms, failed after ${elapsed()} ms: ${failure}`)
      await sleep(pauseMs)
    }
  }
  const done = Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  return {
    sent: () => sent,
    elapsed,
    async stop(atLeast) {
      stopAt = atLeast
      await done
      agent.destroy()
      return failures
    },
  }
}
