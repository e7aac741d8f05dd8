// How is a name proven in DNS, by the operator's program (docs/settings.md, DEIS_ACME_DNS_HOOK)?
import { execFile } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeSettings } from '../../config-acme.ts'
import { AcmeProblem } from './problem.ts'

const programMs = 120_000
const lookMs = 2_000

/** `_acme-challenge.example.com.`, also for the wildcard of it. */
const recordOf = (host: string): string => `_acme-challenge.${host.replace(/^\*\./, '')}.`

function run(program: string, args: readonly string[], path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Only what a program needs: none of the controller's secrets.
    const options = { env: { PATH: path }, timeout: programMs, maxBuffer: 64 * 1024, signal, encoding: 'utf8' as const }
    execFile(program, [...args], options, (error, _stdout, stderr) => {
      if (!error) return resolve()
      const said = stderr
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim()
        .slice(0, 300)
      reject(new AcmeProblem('dns-hook', `DEIS_ACME_DNS_HOOK failed: ${said || error.message.slice(0, 300)}`))
    })
  })
}

async function isSeen(name: string, value: string, servers: readonly string[]): Promise<boolean> {
  const resolver = new Resolver({ timeout: 3_000, tries: 1 })
  if (servers.length > 0) resolver.setServers(servers)
  // Not there yet, or no answer: it is looked for again.
  const records = await resolver.resolveTxt(name).catch((): string[][] => [])
  return records.some((parts) => parts.join('') === value)
}

/** Resolves when the record is seen, or after `dnsWaitMs`: then the CA decides. */
export async function present(
  { dnsHook, dnsWaitMs, resolvers }: AcmeSettings,
  host: string,
  value: string,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  if (dnsHook === null) throw new AcmeProblem('preflight', 'DEIS_ACME_DNS_HOOK is not set')
  const record = recordOf(host)
  await run(dnsHook, ['present', record, value], path, signal)
  for (const until = Date.now() + dnsWaitMs; Date.now() < until; await sleep(lookMs, undefined, { signal }))
    if (await isSeen(record.slice(0, -1), value, resolvers)) return
}

export async function cleanUp({ dnsHook }: AcmeSettings, host: string, value: string, path: string): Promise<void> {
  if (dnsHook !== null) await run(dnsHook, ['cleanup', recordOf(host), value], path, new AbortController().signal)
}
