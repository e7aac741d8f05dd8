// Through what does a controller reach others on its database? PostgreSQL; a SQLite file has one controller only.
import { randomUUID } from 'node:crypto'
import { dialectOf } from './open.ts'
import { noPeers, type Peers } from './peers.ts'

export async function openPeers(databaseUrl: string, onError: (error: unknown) => void): Promise<Peers> {
  const instance = randomUUID()
  if (dialectOf(databaseUrl) === 'sqlite') return noPeers(instance)
  const { postgresPeers } = await import('./peers-postgresql.ts')
  return postgresPeers(databaseUrl, instance, onError)
}
