// Do names get their certificates?
import type { Check } from '@deis/types'
import type { Core } from '../core.ts'
import { inWords } from './problem.ts'
import { isLate } from './schedule.ts'

const mostNamed = 3

export async function checkCertificates({ db, config }: Core): Promise<Check[]> {
  const name = 'certificates'
  if (config.acme === null) return []
  const counts = await db.acmeName.groupBy({ by: ['state'], _count: true })
  const rows = await db.acmeName.findMany({
    where: { NOT: { state: 'issued' }, errorType: { not: null } },
    select: { host: true, errorType: true, errorDetail: true, starts: true, expires: true },
    orderBy: { errorAt: 'desc' },
    take: 100,
  })
  const now = new Date()
  const late = rows.filter(({ starts, expires }) => starts && expires && isLate({ starts, expires }, now))
  const { host: ca } = new URL(config.acme.directory)
  const summary = counts.map(({ state, _count: count }) => `${count} ${state}`).join(', ') || 'no names yet'
  const [worst] = late.length > 0 ? late : rows
  if (worst === undefined) return [{ name, status: 'ok', detail: `${summary}; from ${ca}` }]
  const about = `${worst.host}: ${inWords(worst.errorType ?? '', worst.errorDetail ?? '')}`
  if (late.length === 0)
    return [{ name, status: 'limited', detail: `${summary}; from ${ca}; ${about}. See deis certs:auto.` }]
  const names = late.slice(0, mostNamed).map(({ host }) => host)
  const detail = `certificates of ${names.join(', ')}${late.length > mostNamed ? ' and others' : ''} expire soon and cannot be renewed; ${about}`
  return [{ name, status: 'limited', detail, concern: 'broken' }]
}
