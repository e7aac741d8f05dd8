// Which parts has the suite, in which order?
import { accounts } from './accounts.ts'
import { apps } from './apps.ts'
import { badInput } from './bad-input.ts'
import { certs } from './certs.ts'
import { checklist } from './checklist.ts'
import { config } from './config.ts'
import { defects } from './defects.ts'
import { deploys } from './deploys.ts'
import { edge } from './edge.ts'
import { allUsers } from './all-users.ts'
import { keys } from './keys.ts'
import { perms } from './perms.ts'
import { sequences } from './sequences.ts'
import type { Steps } from './stage.ts'
import { transport } from './transport.ts'

const parts: readonly Steps[] = [
  transport,
  accounts,
  apps,
  config,
  edge,
  certs,
  keys,
  perms,
  deploys,
  checklist,
  defects,
  sequences,
  badInput,
  allUsers,
]

/** Those in which what runs apps decides. */
const onBackends: readonly Steps[] = [config, edge, certs, keys, deploys, checklist]

export const everyStep: Steps = (backend, on) => {
  for (const part of parts) part(backend, on)
}

export const stepsOfBackend: Steps = (backend, on) => {
  for (const part of onBackends) part(backend, on)
}
