// How are the dates of a certificate shown (docs/contract/cli.md §2.5)?
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const dayMs = 86_400_000

/** Controllers write RFC 3339, `…UTC` instead of `Z`, or no zone, which is UTC. */
function parse(text: string | null | undefined): Date | null {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d|[A-Z]{3,4})?$/.exec(text ?? '')
  if (!found) return null
  const zone = /^[+-]/.test(found[2] ?? '') ? found[2] : 'Z'
  const date = new Date(`${found[1]}${zone}`)
  return Number.isNaN(date.getTime()) ? null : date
}

function written(date: Date): string {
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`
}

/** `22 Aug 2017` */
export function day(text: string | null | undefined): string {
  const date = parse(text)
  return date ? written(date) : 'unknown'
}

function counted(count: number, unit: string): string {
  return `in ${count} ${unit}${count === 1 ? '' : 's'}`
}

/**
 * Years and months are differences of calendar numbers, as in the original client, but only if that much time is really
 * left: on 30 December, 2 January is not "in 1 year".
 */
function remaining(end: Date, now: Date): string {
  const left = end.getTime() - now.getTime()
  if (left <= 0) return 'expired'
  const days = Math.floor(left / dayMs)
  const years = end.getUTCFullYear() - now.getUTCFullYear()
  if (years > 0 && days >= 365) return counted(years, 'year')
  const total = years * 12 + end.getUTCMonth() - now.getUTCMonth()
  if (total > 0 && days >= 28) return counted(total, 'month')
  return days > 0 ? counted(days, 'day') : 'in less than a day'
}

/** `17 Sep 2037 (in 11 years)` */
export function expiry(text: string | null | undefined, now: Date): string {
  const date = parse(text)
  return date ? `${written(date)} (${remaining(date, now)})` : 'unknown'
}
