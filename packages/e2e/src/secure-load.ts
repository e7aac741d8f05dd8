// Does an app answer every single request over TLS while certificates and routers change?
import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SecureAnswer } from './secure.ts'

export type SecureLoad = {
  /** Of the certificates that new connections saw. */
  readonly serials: ReadonlySet<string>
  sent(): number
  /** What went wrong, with the time since the start. */
  stop(): Promise<readonly string[]>
}

const clients = { kept: 4, fresh: 2 }
/** A new connection costs ten times as much as another request on one. */
const pauseMs = { kept: 5, fresh: 40 }

/** Some of its clients keep their connections, the others make one for each request. `body`: of each answer. */
export function startSecureLoad(ask: (agent: Agent | false) => Promise<SecureAnswer>, body: RegExp): SecureLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: clients.kept })
  const [serials, failures] = [new Set<string>(), [] as string[]]
  const over = new AbortController()
  const started = Date.now()
  let sent = 0
  const client = async (keeping: Agent | false): Promise<void> => {
    while (!over.signal.aborted) {
      sent++
      try {
        const answer = await ask(keeping)
        if (keeping === false) serials.add(answer.serial)
        if (answer.status !== 200 || !body.test(answer.body))
          throw new Error(`${answer.status} ${answer.body.slice(0, 200)}`)
      } catch (error) {
        failures.push(`after ${Date.now() - started} ms: ${String(error)}`)
      }
      await sleep(keeping === false ? pauseMs.fresh : pauseMs.kept)
    }
  }
  const kept = Array.from({ length: clients.kept }, () => client(agent))
  const fresh = Array.from({ length: clients.fresh }, () => client(false))
  const done = Promise.all([...kept, ...fresh])
  return {
    serials,
    sent: () => sent,
    async stop() {
      over.abort()
      await done
      agent.destroy()
      return failures
    },
  }
}
