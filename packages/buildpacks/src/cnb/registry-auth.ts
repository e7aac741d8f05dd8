// In which form do the phases of a build get credentials for registries?
import type { Credentials } from '@deis/ports/registry'

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** The value of CNB_REGISTRY_AUTH, for the steps of a plan with `credentials`; null: there are none. */
export function registryAuth(credentials: Readonly<Record<string, Credentials>>): string | null {
  const entries = Object.entries(credentials)
  if (entries.length === 0) return null
  return JSON.stringify(
    Object.fromEntries(entries.map(([host, one]) => [host === 'docker.io' ? 'index.docker.io' : host, basic(one)])),
  )
}
