// How is a name proven in DNS, by the operator's program (docs/acme-dns.md)?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeSettings } from '../../config-acme.ts'
import { AcmeProblem } from './problem.ts'

const programMs = 120_000
const cleanUpMs = 30_000
/** For words that are still on their way when the program has ended. */
const wordsMs = 1_000
const mostBytes = 4_096
const lookMs = 2_000

/** `_acme-challenge.example.com.`, also for the wildcard of it. */
const recordOf = (host: string): string => `_acme-challenge.${host.replace(/^\*\./, '')}.`

/** Ends it with all that it started: a shell's child would go on, and be waited for. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

type Change = { readonly action: 'present' | 'cleanup'; readonly record: string; readonly value: string }

/** @throws AcmeProblem `dns-hook`; the signal's reason */
async function run(
  program: string,
  { action, record, value }: Change,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  const failed = (why: string): AcmeProblem =>
    new AcmeProblem('dns-hook', `DEIS_ACME_DNS_HOOK (${program} ${action}) failed: ${why}`)
  // Only what a program needs: none of the controller's secrets. A value of a CA may begin with "-", which a program that looks
  // for options would take for one.
  const env = { PATH: path, DEIS_ACME_ACTION: action, DEIS_ACME_RECORD: record, DEIS_ACME_VALUE: value }
  const child = spawn(program, [action, record, value], { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const over = AbortSignal.any([signal, AbortSignal.timeout(programMs)])
  const end = (): void => endGroup(child.pid)
  over.addEventListener('abort', end, { once: true })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    if (said.length < mostBytes) said += chunk
  })
  const closed = once(child.stderr, 'close')
  const exited = once(child, 'exit')
    .catch((error: Error) => {
      throw failed(error.message)
    })
    // From then on the number of its group may be another program's.
    .finally(() => over.removeEventListener('abort', end))
  const [code, killedBy] = (await exited) as [number | null, NodeJS.Signals | null]
  signal.throwIfAborted()
  if (over.aborted) throw failed(`it did not end within ${programMs / 1000} s`)
  if (code === 0) return
  await Promise.race([closed, sleep(wordsMs)])
  const words = said
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300)
  throw failed(words || (killedBy ? `it was ended by ${killedBy}` : `it ended with exit code ${code}`))
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
  await run(dnsHook, { action: 'present', record, value }, path, signal)
  for (const until = Date.now() + dnsWaitMs; Date.now() < until; await sleep(lookMs, undefined, { signal }))
    if (await isSeen(record.slice(0, -1), value, resolvers)) return
}

/** Also when the controller stops, so for a short time only. */
export async function cleanUp({ dnsHook }: AcmeSettings, host: string, value: string, path: string): Promise<void> {
  if (dnsHook === null) return
  await run(dnsHook, { action: 'cleanup', record: recordOf(host), value }, path, AbortSignal.timeout(cleanUpMs))
}
