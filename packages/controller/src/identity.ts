// What is an installation known by outside its database? It is derived of its key: stored nowhere, and the same after a restore.
import { createHmac } from 'node:crypto'

export type Identity = {
  /** Tells it from others on the same engine or cluster. */
  readonly platform: string
  /** Of the registry that the platform runs on Docker. */
  readonly registryPassword: string
}

/** All controllers of one installation have this key, and no other one does. */
export function identityOf(secret: Buffer): Identity {
  const derive = (of: string) => createHmac('sha256', secret).update(of)
  return {
    platform: derive('platform').digest('hex').slice(0, 16),
    registryPassword: derive('registry').digest('base64url'),
  }
}
