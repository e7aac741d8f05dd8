// How are times, counts and lines from elsewhere shown?

const steps = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [30, 'day'],
  [12, 'month'],
  [Number.POSITIVE_INFINITY, 'year'],
] as const

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

/** `3 minutes ago`; a time that cannot be read is shown as it is. */
export function ago(time: string, now = Date.now()): string {
  const at = Date.parse(time)
  if (Number.isNaN(at)) return time
  let amount = (at - now) / 1000
  for (const [size, unit] of steps) {
    if (Math.abs(amount) < size) return relative.format(Math.round(amount), unit)
    amount /= size
  }
  return time
}

/** Colours and other control sequences of a terminal mean nothing on a page. */
export const plain = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- they are what this removes
    .replace(/\u001b\[[0-9;?]{0,32}[ -/]{0,4}[@-~]/g, '')
    // oxlint-disable-next-line no-control-regex -- they are what this removes
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')

export type Lines = { readonly lines: readonly string[]; readonly rest: string; readonly first: number }

export const noLines: Lines = { lines: [], rest: '', first: 0 }

/** The newest `most` complete lines that are new; `first` is the number of the first one, so that a line keeps its own. */
export function withText(
  before: Lines,
  text: string,
  most: number,
  isNew: (line: string) => boolean = () => true,
): Lines {
  const parts = (before.rest + text).split('\n')
  // A line without an end is cut, or it would fill the memory of the tab.
  const rest = (parts.pop() ?? '').slice(0, 100_000)
  const all = [...before.lines, ...parts.filter((line) => line !== '' && isNew(line)).map(plain)]
  const dropped = Math.max(0, all.length - most)
  return { lines: dropped === 0 ? all : all.slice(dropped), rest, first: before.first + dropped }
}

/** Where an app answers, as the platform tells its addresses. `page`: where this page is. */
export function appAddress(
  app: string,
  platform: { readonly domain?: string; readonly router_port?: number },
  page: { readonly protocol: string; readonly hostname: string; readonly port: string },
): string | null {
  const { domain, router_port: port } = platform
  if (domain === undefined) return null
  // Behind the router, as the apps are.
  if (page.hostname === `deis.${domain}`)
    return `${page.protocol}//${app}.${domain}${page.port === '' ? '' : `:${page.port}`}/`
  return port === undefined ? null : `http://${app}.${domain}${port === 80 ? '' : `:${port}`}/`
}
