// How does one name get a certificate, in steps of which each can be the last before the controller is killed?
import { X509Certificate } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeSettings } from '../../config-acme.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import type { Core } from '../core.ts'
import { type CertFacts, readCertificate } from '../edge/cert-rules.ts'
import { apiHost } from '../edge/routes.ts'
import { accountAt } from './account.ts'
import { setChallenges } from './challenges.ts'
import { type Authorization, type Ca, newKey, openCa, type Order, type Proof } from './client.ts'
import { cleanUp, present } from './dns-hook.ts'
import { hostOf } from './hosts.ts'
import { checkLeadsHere, probeAnswer, unusable } from './preflight.ts'
import { AcmeProblem } from './problem.ts'

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
    // The certificate has been replaced by one that this platform does not have.
    if (replaces !== null && error instanceof AcmeProblem && error.type === 'alreadyReplaced')
      return ca.order(row.host, null)
    throw error
  })
  await save({ orderUrl: order.url, orderKey: core.vault.seal(orderPurpose, key) })
  return { order, key }
}

const isPending = ({ status }: Authorization): boolean => status === 'pending'

async function proveInDns(
  work: Work,
  authorization: Authorization,
  proof: Proof,
  verdict: () => Promise<void>,
): Promise<void> {
  const { core, settings, row, signal } = work
  await present(settings, row.host, proof.value, core.config.path, signal)
  try {
    await authorization.ready(proof)
    await verdict()
  } finally {
    await cleanUp(settings, row.host, proof.value, core.config.path).catch((error: unknown) =>
      core.log.warn({ host: row.host, err: error }, 'a TXT record could not be removed'),
    )
  }
}

async function prove(work: Work, ca: Ca, url: string): Promise<void> {
  const { core, row, signal } = work
  const kind = row.host.startsWith('*.') ? 'dns-01' : 'http-01'
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
      await setChallenges(core, row.host, null)
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

/** @throws AcmeProblem; the signal's reason */
export async function obtain(work: Work, replaces: string | null): Promise<CertFacts> {
  const { core, settings, row, signal, save } = work
  await preflight(work, await targetOf(work))
  signal.throwIfAborted()
  await save({ state: 'proving' })
  const ca = await openCa(await accountAt(core, settings))
  const { order, key } = await orderOf(work, ca, replaces)
  const look = (): Promise<Order> => ca.look(order.url)
  if (order.status === 'pending') await prove(work, ca, order.url)
  const ready = await until(look, ({ status }) => status !== 'pending', 'accept the proof', signal)
  if (ready.status === 'ready') await ca.finalize(order.url, row.host, key)
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
  return checked(row.host, await ca.download(order.url), key)
}
