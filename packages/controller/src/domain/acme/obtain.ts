// How does one name get a certificate, in steps of which each can be the last before the controller is killed?
import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeSettings } from '../../config-acme.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Core } from '../core.ts'
import { type CertFacts, readCertificate } from '../edge/cert-rules.ts'
import { apiHost } from '../edge/routes.ts'
import { accountAt, forgetAccount } from './account.ts'
import { checkCaa } from './caa.ts'
import { setChallenges } from './challenges.ts'
import { type Authorization, type Ca, newKey, openCa, type Order, type Proof } from './client.ts'
import { cleanUp, present } from './dns-hook.ts'
import { hostOf } from './hosts.ts'
import { checkLeadsHere, probeAnswer, unusable } from './preflight.ts'
import { AcmeProblem } from './problem.ts'
import { isAboutName, isTrialDue } from './trial.ts'

const orderPurpose = 'acme order'
const firstLookMs = 500
const lastLookMs = 5_000
/** CAs look from several networks, and take seconds. */
const verdictMs = 120_000

export type Work = {
  readonly core: Core
  readonly settings: AcmeSettings
  readonly row: Row.AcmeName
  readonly signal: AbortSignal
  /** Stores something of the row, as long as this controller works on it. @throws when another one does */
  save(data: Partial<Row.AcmeName>): Promise<void>
}

/** Asks until the answer is final. @throws AcmeProblem when it takes too long */
async function until<T>(
  ask: () => Promise<T>,
  isFinal: (answer: T) => boolean,
  what: string,
  signal: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + verdictMs
  for (let pause = firstLookMs; ; pause = Math.min(pause * 1.5, lastLookMs)) {
    const answer = await ask()
    if (isFinal(answer)) return answer
    if (Date.now() > deadline) throw new AcmeProblem('timeout', `the CA did not ${what} within ${verdictMs / 1000} s`)
    await sleep(pause, undefined, { signal })
  }
}

async function preflight({ core, settings, row, signal }: Work, target: string | null): Promise<void> {
  const why = unusable(row.host, settings.dnsHook !== null)
  if (why !== null) throw new AcmeProblem('preflight', why)
  if (row.host.startsWith('*.')) return
  const answer = probeAnswer()
  await setChallenges(core, row.host, [answer])
  try {
    await checkLeadsHere(row.host, settings, target, answer, signal)
  } finally {
    await setChallenges(core, row.host, null)
  }
}

/** Failures of a new order that would be the same if it replaced nothing. */
const notOfReplacing = new Set(['unreachable', 'rateLimited', 'serverInternal', 'accountDoesNotExist'])

/** The order that is under way, or a new one with a new key. */
async function orderOf(
  { core, row, save }: Work,
  ca: Ca,
  replaces: string | null,
): Promise<{ order: Order; key: string }> {
  const { orderUrl: url, orderKey: sealed } = row
  if (url !== null && sealed !== null) {
    // Of another account or CA, or too old: then it is not known there.
    const order = await ca.look(url).catch((error: unknown) => {
      if (error instanceof AcmeProblem && error.type !== 'unreachable') return null
      throw error
    })
    if (order && order.status !== 'invalid') return { order, key: core.vault.open(orderPurpose, sealed) }
  }
  const key = await newKey()
  const order = await ca.order(row.host, replaces).catch((error: unknown) => {
    // It has been replaced by one that this platform does not have, or is not of this CA.
    if (replaces !== null && error instanceof AcmeProblem && !notOfReplacing.has(error.type))
      return ca.order(row.host, null)
    throw error
  })
  await save({ orderUrl: order.url, orderKey: core.vault.seal(orderPurpose, key) })
  return { order, key }
}

/** Whoever goes on with such an order must not take away what the CA may be looking for at this moment. */
export const isUnderWay = ({ state, orderUrl }: Row.AcmeName): boolean => state === 'proving' && orderUrl !== null

/** What the hook has published is removed once, also by a controller that takes over from one that was killed. */
export async function removeRecord({ core, settings, row, save }: Work, value: string): Promise<void> {
  try {
    await cleanUp(settings, row.host, value, core.config.path)
    await save({ txtValue: null })
  } catch (error) {
    // It is tried again with the name.
    core.log.warn({ host: row.host, err: error }, 'a TXT record could not be removed')
  }
}

const isPending = ({ status }: Authorization): boolean => status === 'pending'

async function proveInDns(
  work: Work,
  authorization: Authorization,
  proof: Proof,
  verdict: () => Promise<void>,
): Promise<void> {
  const { core, settings, row, signal, save } = work
  if (row.txtValue !== null && row.txtValue !== proof.value) await removeRecord(work, row.txtValue)
  await save({ txtValue: proof.value })
  try {
    await present(settings, row.host, proof.value, core.config.path, signal)
    await authorization.ready(proof)
    await verdict()
  } finally {
    await removeRecord(work, proof.value)
  }
}

const kindFor = (host: string): Proof['kind'] => (host.startsWith('*.') ? 'dns-01' : 'http-01')

async function prove(work: Work, ca: Ca, url: string): Promise<void> {
  const { core, row, signal } = work
  const kind = kindFor(row.host)
  const verdict = async (): Promise<void> => {
    const all = await until(
      () => ca.authorizations(url),
      (some) => !some.some(isPending),
      'verify the name',
      signal,
    )
    const failed = all.find(({ status }) => status !== 'valid')
    if (failed) {
      const { type, detail } = failed.error ?? { type: 'unauthorized', detail: `the authorization is ${failed.status}` }
      throw new AcmeProblem(type, detail)
    }
  }
  for (const authorization of (await ca.authorizations(url)).filter(isPending)) {
    const proof = authorization.proofs.find((one) => one.kind === kind)
    if (!proof) throw new AcmeProblem('preflight', `the CA does not offer ${kind} for "${row.host}"`)
    if (kind === 'dns-01') {
      await proveInDns(work, authorization, proof, verdict)
      continue
    }
    await setChallenges(core, row.host, [{ token: proof.token, keyAuthorization: proof.value }])
    try {
      await authorization.ready(proof)
      await verdict()
    } finally {
      if (!core.shutdown.aborted) await setChallenges(core, row.host, null)
    }
  }
}

/** What the CA gave, if it is what was asked for. */
function checked(host: string, pem: string, key: string): CertFacts {
  const facts = readCertificate(pem, key)
  const name = host.replace(/^\*\./, 'any.')
  if (new X509Certificate(facts.certificate).checkHost(name) === undefined)
    throw new AcmeProblem('internal', `the CA gave a certificate that is not for "${host}"`)
  if (facts.expires.getTime() <= Date.now())
    throw new AcmeProblem('internal', 'the CA gave a certificate that has expired')
  return facts
}

/** Where the name should lead. */
async function targetOf({ core, row }: Work): Promise<string | null> {
  if (row.domainId === null) return null
  const found = await core.db.domain.findUnique({
    where: { id: row.domainId },
    select: { app: { select: { id: true } } },
  })
  return hostOf(found?.app.id ?? apiHost, core.config.platformDomain)
}

async function askCa(work: Work, replaces: string | null): Promise<CertFacts> {
  const { core, settings, row, signal } = work
  const account = await accountAt(core, settings)
  const ca = await openCa(account)
  const { host } = row
  const asking = { host, issuers: await ca.issuers(), kind: kindFor(host), account: account.url }
  await checkCaa(asking, settings.resolvers, signal)
  const { order, key } = await orderOf(work, ca, replaces)
  const look = (): Promise<Order> => ca.look(order.url)
  if (order.status === 'pending') await prove(work, ca, order.url)
  const ready = await until(look, ({ status }) => status !== 'pending', 'accept the proof', signal)
  if (ready.status === 'ready') await ca.finalize(order.url, host, key)
  const done = await until(
    look,
    ({ status }) => status === 'valid' || status === 'invalid',
    'give the certificate',
    signal,
  )
  if (done.status === 'invalid') {
    const { type, detail } = done.error ?? { type: 'unknown', detail: 'the order is invalid' }
    throw new AcmeProblem(type, detail)
  }
  return checked(host, await ca.download(order.url), key)
}

/** A CA that does not know the account any more gives a new one, which has no orders yet. */
async function fromCa(work: Work, replaces: string | null): Promise<CertFacts> {
  return askCa(work, replaces).catch(async (error: unknown) => {
    if (!(error instanceof AcmeProblem) || error.type !== 'accountDoesNotExist') throw error
    await forgetAccount(work.core, work.settings)
    return askCa({ ...work, row: { ...work.row, orderUrl: null, orderKey: null } }, null)
  })
}

/** Tries the name at the CA's staging. @throws AcmeProblem when that is what the CA would answer, too */
async function passTrial(work: Work, directory: string): Promise<void> {
  const { core, row } = work
  try {
    await fromCa({ ...work, settings: { ...work.settings, directory, eab: null } }, null)
  } catch (error) {
    // What the preflight finds is not what the staging says.
    if (!(error instanceof AcmeProblem) || error.type === 'preflight') throw error
    const { type, message, retryAfterMs } = error
    if (isAboutName(type))
      throw new AcmeProblem(type, `in the trial at ${new URL(directory).host}: ${message}`, retryAfterMs, {
        cause: error,
      })
    core.log.warn({ host: row.host, type, reason: message }, 'the staging of the CA could not try the name first')
  }
  await work.save({ stagedAt: new Date(), orderUrl: null, orderKey: null })
}

/** @throws AcmeProblem; the signal's reason */
export async function obtain(work: Work, replaces: string | null): Promise<CertFacts> {
  const { settings, row, signal, save } = work
  if (!isUnderWay(row)) await preflight(work, await targetOf(work))
  signal.throwIfAborted()
  await save({ state: 'proving' })
  if (settings.staging === null || !isTrialDue(row)) return fromCa(work, replaces)
  await passTrial(work, settings.staging)
  return fromCa({ ...work, row: { ...row, orderUrl: null, orderKey: null } }, replaces)
}
