// How do controllers that share a PostgreSQL database lock, and notify each other?
// Advisory locks of one session: a controller that dies loses them at once, and no clocks are compared.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Held, Message, Peers } from './peers.ts'

const channel = 'deis'
const pollMs = 200
const firstDelayMs = 200
const lastDelayMs = 10_000
/** NOTIFY takes 8000 bytes. */
const mostBytes = 7_500
const queryMs = 10_000

/** The server also notices within half a minute when this process is gone without closing its connection. */
const sessionOptions = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3'

type Session = {
  readonly client: Client
  readonly over: AbortController
  /** The server would grant a session the same lock again. */
  readonly held: Set<string>
  lost(error: unknown): void
}

export async function postgresPeers(url: string, instance: string, onError: (error: unknown) => void): Promise<Peers> {
  const listeners = new Set<(message: Message | null) => void>()
  const closing = new AbortController()
  let session: Session | null = null
  let again: Promise<void> | null = null

  const deliver = (message: Message | null): void => {
    for (const listener of listeners) listener(message)
  }
  const connect = async (): Promise<void> => {
    const client = new Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: queryMs,
      query_timeout: queryMs,
      options: sessionOptions,
      application_name: `deis ${instance}`,
    })
    const lost = (error: unknown): void => {
      if (mine.over.signal.aborted) return
      mine.over.abort(new Error('the connection to the database that holds the locks was lost', { cause: error }))
      if (session !== mine) return
      session = null
      if (closing.signal.aborted) return
      onError(error)
      client.end().catch(() => {})
      again = reconnect()
    }
    const mine: Session = { client, over: new AbortController(), held: new Set(), lost }
    client.on('error', lost)
    client.on('end', () => lost(new Error('the connection was closed')))
    client.on('notification', ({ payload }) => {
      try {
        const { from, ...message } = JSON.parse(payload ?? '') as Message & { from?: string }
        if (from !== instance) deliver(message)
      } catch (error) {
        // Any user of the database can send notifications.
        onError(error)
      }
    })
    try {
      await client.connect()
      await client.query(`LISTEN ${channel}`)
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`controller/${instance}`])
    } catch (error) {
      client.end().catch(() => {})
      throw error
    }
    session = mine
  }
  const reconnect = async (): Promise<void> => {
    for (let delay = firstDelayMs; !closing.signal.aborted; delay = Math.min(delay * 2, lastDelayMs)) {
      await sleep(delay, undefined, { signal: closing.signal }).catch(() => {})
      if (closing.signal.aborted) return
      try {
        await connect()
        deliver(null)
        return
      } catch (error) {
        onError(error)
      }
    }
  }
  const opened = async (): Promise<Session> => {
    if (!session && again) await again
    if (!session) throw new Error('not connected to the database')
    return session
  }
  /** After a failed statement it is unknown which locks this session holds, so it is closed. */
  const ask = async ({ client, over, lost }: Session, sql: string, name: string): Promise<boolean> => {
    over.signal.throwIfAborted()
    try {
      const { rows } = await client.query<{ yes: boolean }>(sql, [name])
      return rows[0]?.yes === true
    } catch (error) {
      lost(error)
      throw error
    }
  }
  const tryLock = async (name: string): Promise<Held | null> => {
    const mine = await opened()
    if (mine.held.has(name)) return null
    mine.held.add(name)
    const got = await ask(mine, 'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS yes', name)
    if (!got) {
      mine.held.delete(name)
      return null
    }
    return {
      signal: mine.over.signal,
      async release() {
        // With the session went the lock.
        if (mine.over.signal.aborted) return
        await ask(mine, 'SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS yes', name).catch(onError)
        mine.held.delete(name)
      },
    }
  }

  await connect()
  return {
    instance,
    shared: true,
    tryLock,
    async lock(name, signal) {
      for (;;) {
        signal.throwIfAborted()
        const held = await tryLock(name)
        if (held) return held
        await sleep(pollMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {})
      }
    },
    async alive(other) {
      if (other === instance) return true
      const mine = await opened()
      // A shared lock, so that two checks at the same time do not affect each other.
      const name = `controller/${other}`
      const gone = await ask(mine, 'SELECT pg_try_advisory_lock_shared(hashtextextended($1, 0)) AS yes', name)
      if (gone) await ask(mine, 'SELECT pg_advisory_unlock_shared(hashtextextended($1, 0)) AS yes', name)
      return !gone
    },
    notify(message) {
      const payload = JSON.stringify({ from: instance, ...message })
      if (!session || Buffer.byteLength(payload) > mostBytes) return
      session.client.query('SELECT pg_notify($1, $2)', [channel, payload]).catch(onError)
    },
    onMessage: (listener) => void listeners.add(listener),
    async close() {
      closing.abort()
      await again
      const mine = session
      session = null
      mine?.over.abort(new Error('the controller is stopping'))
      // It may be cut off already.
      await mine?.client.end().catch(onError)
    },
  }
}
