// Which account is for a registry, and how are accounts written into a header of the engine?
import type { Credentials } from '@deis/ports/registry'
import { canonicalHost } from '@deis/registry/reference'

/** Pure: whatever its host is called, Docker Hub has several names. */
export const accountOf = (all: Readonly<Record<string, Credentials>>, host: string): Credentials | null =>
  Object.entries(all).find(([one]) => canonicalHost(one) === canonicalHost(host))?.[1] ?? null

/** Base64 for URLs. Without its padding an engine silently takes nothing from it. */
export function authHeader(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
