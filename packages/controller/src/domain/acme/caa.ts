// Does a CAA record of the domain forbid the CA to give a certificate (RFC 8659), so that no try there is wasted?
import { type CaaRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { AcmeProblem } from './problem.ts'

const dnsOptions = { timeout: 2_000, tries: 2 }
const walkMs = 10_000

export type Asking = {
  readonly host: string
  /** What records call the CA. */
  readonly issuers: readonly string[]
  readonly kind: 'http-01' | 'dns-01'
  /** The URL of the account there. */
  readonly account: string
}

const known = new Set(['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail', 'issuevmc'])

/** Whether one value of `issue` or `issuewild` is for this CA, and for how we ask it (RFC 8657). */
function allows(value: string, { issuers, kind, account }: Asking): boolean {
  const [issuer = '', ...parts] = value.split(';').map((part) => part.trim())
  if (!issuers.includes(issuer.toLowerCase())) return false
  return parts.every((part) => {
    const [name = '', said = ''] = part.split('=', 2).map((word) => word.trim())
    if (name.toLowerCase() === 'accounturi') return said === account
    return name.toLowerCase() !== 'validationmethods' || said.split(',').some((method) => method.trim() === kind)
  })
}

/** Why these records, which are those of `name`, keep the CA from it; null: they do not. */
export function forbids(name: string, records: readonly CaaRecord[], asking: Asking): string | null {
  const critical = records.flatMap((record) =>
    (record.critical & 128) === 0 ? [] : Object.keys(record).filter((tag) => tag !== 'critical' && !known.has(tag)),
  )
  if (critical.length > 0)
    return `a CAA record of "${name}" has the critical property "${critical[0]!.slice(0, 50)}", with which CAs give no certificate`
  const [wild, all] = (['issuewild', 'issue'] as const).map((tag) => records.flatMap((record) => record[tag] ?? []))
  const isWild = asking.host.startsWith('*.') && wild!.length > 0
  const values = isWild ? wild! : all!
  if (values.length === 0 || values.some((value) => allows(value, asking))) return null
  const others = values.map((value) => `"${value.slice(0, 100)}"`).slice(0, 5)
  return `the CAA records of "${name}" (${others.join(', ')}) do not allow this CA; add the record: ${name}. CAA 0 ${isWild ? 'issuewild' : 'issue'} "${asking.issuers[0]}"`
}

/** From the name up to the first that has CAA records. @throws AcmeProblem `preflight`; the signal's reason */
export async function checkCaa(asking: Asking, servers: readonly string[], signal: AbortSignal): Promise<void> {
  // A CA that does not say what records call it judges by itself.
  if (asking.issuers.length === 0) return
  const resolver = new Resolver(dnsOptions)
  if (servers.length > 0) resolver.setServers(servers)
  const over = AbortSignal.any([signal, AbortSignal.timeout(walkMs)])
  over.addEventListener('abort', () => resolver.cancel(), { once: true })
  const labels = asking.host.replace(/^\*\./, '').split('.')
  for (let first = 0; first < labels.length && !over.aborted; first++) {
    const name = labels.slice(first).join('.')
    // No answer, also for want of time, says nothing: not all name servers know such records. The CA has its own.
    const records = await resolver.resolveCaa(name).catch((): CaaRecord[] => [])
    const why = forbids(name, records, asking)
    if (why !== null) throw new AcmeProblem('preflight', why)
    if (records.length > 0) return
  }
  signal.throwIfAborted()
}
