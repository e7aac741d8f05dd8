// Which names are due, and who works on them? A row is leased by one controller at a time.
import { messageOf } from '@deis/types'
import type { AcmeSettings } from '../../config-acme.ts'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { certPurpose } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { accountAt } from './account.ts'
import { publishChallenges, setChallenges } from './challenges.ts'
import { certIdOf } from './cert-id.ts'
import { openCa } from './client.ts'
import { isAutomatic, platformHosts, releaseFormerHosts, syncHosts } from './hosts.ts'
import { isUnderWay, obtain, removeRecord, type Work } from './obtain.ts'
import { AcmeProblem } from './problem.ts'
import { publishCertificate } from './publish.ts'
import { momentIn, renewalTime, retryDelay, suggestionMs } from './schedule.ts'
import { isAboutName } from './trial.ts'

/** Names that are worked on at once. */
const slots = 4
const leaseMs = 10 * 60_000
const renewLeaseMs = 60_000
/** New names are looked for this often, when nothing says that there are some. */
const lookMs = 30_000
/** Between looks for a router, while there is none. */
const routerMs = 500
const dayMs = 24 * 3_600_000

/** Another controller works on the name. */
class LeaseLost extends Error {}

type Lease = { readonly signal: AbortSignal; save(data: Partial<Row.AcmeName>): Promise<void>; end(): void }

/** Null: somebody else was faster, or it is not due any more. */
async function lease({ db, peers, shutdown }: Core, host: string): Promise<Lease | null> {
  const now = new Date()
  let mine = new Date(now.getTime() + leaseMs)
  const free = { OR: [{ leaseUntil: null }, { leaseUntil: { lt: now } }] }
  const { count } = await db.acmeName.updateMany({
    where: { host, nextAt: { lte: now }, ...free },
    data: { leaseUntil: mine, leaseBy: peers.instance },
  })
  if (count === 0) return null
  const lost = new AbortController()
  const save = async (data: Partial<Row.AcmeName>): Promise<void> => {
    const where = { host, leaseUntil: mine, leaseBy: peers.instance }
    const { count: stored } = await db.acmeName.updateMany({ where, data: { ...data, updatedAt: new Date() } })
    if (stored === 1) {
      mine = data.leaseUntil ?? mine
      return
    }
    lost.abort(new LeaseLost(`another controller works on ${host}`))
    throw lost.signal.reason
  }
  const again = setInterval(() => {
    // When it cannot be renewed for long, the next thing that is stored notices it.
    save({ leaseUntil: new Date(Date.now() + leaseMs) }).catch(() => {})
  }, renewLeaseMs)
  again.unref()
  return { signal: AbortSignal.any([shutdown, lost.signal]), save, end: () => clearInterval(again) }
}

/** What the CA may be looking for stays: it does not know that the controller stops. */
const freed = { leaseUntil: null, leaseBy: null } as const
const ended = { ...freed, challenges: null } as const

/** Whether the platform still has to get a certificate for it. */
async function isWanted({ db, config }: Core, { host, domainId }: Row.AcmeName): Promise<boolean> {
  if (platformHosts(config).includes(host)) return true
  return domainId !== null && (await db.domain.count({ where: { id: domainId, ...isAutomatic } })) > 0
}

type Suggestion = { readonly renewAt: Date | null; readonly data: Partial<Row.AcmeName>; readonly againMs: number }

/** What the CA suggests for a certificate that is there (RFC 9773). The moment is chosen once for each window. */
async function suggestion({ core, settings, row }: Work): Promise<Suggestion> {
  const { renewAt, windowStart, windowEnd, starts, expires } = row
  const id = row.certificate === null ? null : certIdOf(row.certificate)
  const ca = await openCa(await accountAt(core, settings))
  const said = id === null ? null : await ca.renewal(id)
  if (!said || !starts || !expires) return { renewAt, data: {}, againMs: dayMs }
  const againMs = Math.min(Math.max(said.againMs ?? suggestionMs, 60_000), dayMs / 2)
  const { start, end } = said.window
  if (windowStart?.getTime() === start.getTime() && windowEnd?.getTime() === end.getTime())
    return { renewAt, data: {}, againMs }
  const moment = momentIn(said.window, { starts, expires })
  core.log.info({ host: row.host, renewAt: moment, why: said.page }, 'the CA suggests when to renew a certificate')
  return { renewAt: moment, data: { renewAt: moment, windowStart: start, windowEnd: end }, againMs }
}

async function renewLater(work: Work): Promise<boolean> {
  const { row, save, core } = work
  if (row.state !== 'issued' || row.certificate === null || row.renewAt === null) return false
  if (row.renewAt.getTime() <= Date.now()) return false
  const { renewAt, data, againMs } = await suggestion(work).catch((error: unknown): Suggestion => {
    core.log.warn({ host: row.host, reason: messageOf(error) }, 'the CA could not be asked when to renew a certificate')
    return { renewAt: row.renewAt, data: {}, againMs: suggestionMs }
  })
  if (renewAt === null || renewAt.getTime() <= Date.now()) {
    await save(data)
    return false
  }
  await save({ ...data, ...ended, nextAt: new Date(Math.min(renewAt.getTime(), Date.now() + againMs)) })
  return true
}

async function issue(work: Work): Promise<void> {
  const { core, row, save } = work
  const replaces = row.windowStart !== null && row.certificate !== null ? certIdOf(row.certificate) : null
  const { certificate, key, starts, expires, issuer } = await obtain(work, replaces)
  const renewAt = renewalTime({ starts, expires })
  await save({
    ...ended,
    state: 'issued',
    attempts: 0,
    certificate,
    key: core.vault.seal(certPurpose, key),
    starts,
    expires,
    issuer,
    renewAt,
    windowStart: null,
    windowEnd: null,
    orderUrl: null,
    orderKey: null,
    stagedAt: null,
    errorType: null,
    errorDetail: null,
    errorAt: null,
    // At once, since the CA's suggestion counts.
    nextAt: new Date(),
  })
  core.log.info({ host: row.host, issuer, expires, renewAt }, 'got a certificate')
  await publishCertificate(core, row)
}

/** What an order survives: the CA did not say that anything is wrong with it. */
const keepsOrder = new Set(['unreachable', 'rateLimited', 'serverInternal', 'timeout', 'preflight'])

async function record({ core, row, save }: Work, error: unknown): Promise<void> {
  const problem =
    error instanceof AcmeProblem ? error : new AcmeProblem('internal', messageOf(error), null, { cause: error })
  if (problem.type === 'internal') core.log.error({ host: row.host, err: error }, 'a certificate could not be got')
  const isBlocked = problem.type === 'preflight'
  const state = isBlocked ? 'blocked' : 'failed'
  const attempts = (row.state === 'blocked') === isBlocked ? row.attempts + 1 : 1
  const { type, message, retryAfterMs } = problem
  const now = Date.now()
  const leftMs = row.expires !== null && row.expires.getTime() > now ? row.expires.getTime() - now : null
  const delay = retryDelay({ attempts, isBlocked, isLimited: type === 'rateLimited', retryAfterMs, leftMs })
  await save({
    ...ended,
    state,
    attempts,
    errorType: type,
    errorDetail: message.slice(0, 1_000),
    errorAt: new Date(now),
    nextAt: new Date(now + delay),
    ...(keepsOrder.has(type) ? {} : { orderUrl: null, orderKey: null }),
    ...(isAboutName(type) ? { stagedAt: null } : {}),
  })
  const againIn = Math.round(delay / 1000)
  if (leftMs === null) core.log.warn({ host: row.host, type, reason: message, againIn }, 'no certificate')
  else
    core.log.warn(
      { host: row.host, type, reason: message, againIn, expires: row.expires },
      'a certificate could not be renewed; the one that is there serves until it expires',
    )
}

async function workOn(core: Core, settings: AcmeSettings, host: string): Promise<void> {
  const held = await lease(core, host)
  if (held === null) return
  try {
    // Only now: another controller may have done it meanwhile.
    const row = await core.db.acmeName.findUnique({ where: { host } })
    if (!row) return
    const work: Work = { core, settings, row, signal: held.signal, save: held.save }
    try {
      if (row.txtValue !== null && !isUnderWay(row)) await removeRecord(work, row.txtValue)
      if (!(await isWanted(core, row))) await held.save({ ...ended, nextAt: new Date(Date.now() + dayMs) })
      else if (!(await renewLater(work))) await issue(work)
    } catch (error) {
      // Stopping: the order goes on at the next start.
      if (core.shutdown.aborted) await held.save(freed)
      else if (!(error instanceof LeaseLost)) await record(work, error)
    }
    // Of a controller before, for an order that needs no answer any more.
    if (row.challenges !== null && !held.signal.aborted) await setChallenges(core, host, null)
  } finally {
    held.end()
  }
}

/** Leases of controllers that do not run any more are free at once. */
async function freeLeases({ db, peers }: Core): Promise<void> {
  const held = await db.acmeName.groupBy({ by: ['leaseBy'], where: { leaseUntil: { not: null } } })
  for (const { leaseBy } of held)
    if (leaseBy !== null && leaseBy !== peers.instance && !(await peers.alive(leaseBy)))
      await db.acmeName.updateMany({ where: { leaseBy }, data: freed })
}

/** Works until the controller stops. Returns the function that waits for its end. */
export function startAcme(core: Core): () => Promise<void> {
  const { acme: settings } = core.config
  if (settings === null) return async () => {}
  const running = new Map<string, Promise<void>>()
  let wake = (): void => {}
  const stopped = core.here.acme.onWake(() => wake())
  core.shutdown.addEventListener('abort', () => wake(), { once: true })

  const start = (host: string): void => {
    const work = workOn(core, settings, host)
      .catch((error: unknown) => {
        if (!core.shutdown.aborted) core.log.error({ host, err: error }, 'work on a certificate failed')
      })
      .finally(() => {
        running.delete(host)
        wake()
      })
    running.set(host, work)
  }
  /** @returns when something is due next. */
  const look = async (): Promise<number> => {
    // Without one nothing can be proven; they come a moment after the controller.
    if (core.routes.own().following === 0 && core.routes.peersWithRouters().length === 0) return routerMs
    await freeLeases(core)
    const hasMore = await syncHosts(core)
    if (running.size < slots) {
      const due = await core.db.acmeName.findMany({
        where: { nextAt: { lte: new Date() }, leaseUntil: null, host: { notIn: [...running.keys()] } },
        select: { host: true },
        orderBy: { nextAt: 'asc' },
        take: slots - running.size,
      })
      for (const { host } of due) if (!core.shutdown.aborted) start(host)
    }
    if (hasMore) return 0
    const next = await core.db.acmeName.findFirst({
      where: { leaseUntil: null, host: { notIn: [...running.keys()] } },
      select: { nextAt: true },
      orderBy: { nextAt: 'asc' },
    })
    return running.size >= slots || !next ? Infinity : next.nextAt.getTime() - Date.now()
  }
  const loop = async (): Promise<void> => {
    await releaseFormerHosts(core)
    await freeLeases(core)
    await publishChallenges(core)
    while (!core.shutdown.aborted) {
      const woken = new Promise<void>((resolve) => (wake = resolve))
      const wait = await look().catch((error: unknown) => {
        if (!core.shutdown.aborted) core.log.error({ err: error }, 'certificates cannot be looked after')
        return lookMs
      })
      if (core.shutdown.aborted) break
      const timer = setTimeout(() => wake(), Math.min(Math.max(wait, 100), lookMs))
      await woken
      clearTimeout(timer)
    }
  }
  const looping = loop().catch((error: unknown) => {
    if (!core.shutdown.aborted) core.log.error({ err: error }, 'certificates are not looked after any more')
  })
  return async () => {
    stopped()
    await looping
    await Promise.all(running.values())
  }
}
