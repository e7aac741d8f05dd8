// Is a request the one by which a CA verifies that a name leads here (RFC 8555 §8.3), and what is the answer?
import type { Table } from './table.ts'

const path = '/.well-known/acme-challenge/'

/** Null: it is a request like any other, also when the token is unknown: apps may have ACME clients of their own. */
export function findChallenge(
  { challenges }: Pick<Table, 'challenges'>,
  { method, target, host }: { readonly method: string; readonly target: string; readonly host: string },
): string | null {
  if (challenges.length === 0 || !target.startsWith(path) || (method !== 'GET' && method !== 'HEAD')) return null
  const token = target.slice(path.length)
  return challenges.find((one) => one.host === host && one.token === token)?.keyAuthorization ?? null
}
