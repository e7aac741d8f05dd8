// What must be true of every answer, whatever was asked (docs/contract/api.md §1.1, §1.4, docs/contract/cli.md §4.4)?
import { asGoClientReads } from './goclient.ts'
import { shapeOf } from './successes.ts'
import type { Reply, Sent } from './wire.ts'

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string' && one !== '')

const hasDetail = (json: unknown): boolean => {
  const { detail, ...more } = Object(json) as { detail?: unknown }
  return typeof detail === 'string' && detail !== '' && Object.keys(more).length === 0
}

/** What each status of refusal may say. */
const refusals: Readonly<Record<number, (json: unknown) => boolean>> = {
  400: (json) =>
    hasDetail(json) ||
    isTexts(json) ||
    (typeof json === 'object' && json !== null && !Array.isArray(json) && isFields(json)),
  401: hasDetail,
  403: hasDetail,
  404: (json) =>
    hasDetail(json) ||
    /^No (App|User|Release|Domain|Certificate|Key|Build) matches the given query\.$/.test(String(json)),
  405: hasDetail,
  409: hasDetail,
  413: hasDetail,
  415: hasDetail,
  422: hasDetail,
  429: hasDetail,
}

function isFields(json: object): boolean {
  const values = Object.values(json)
  return values.length > 0 && values.every(isTexts)
}

function bodyProblem(sent: Sent, { status, headers, text, json }: Reply): string | null {
  const type = headers['content-type']
  if (text === '' && sent.method !== 'HEAD' && type !== undefined) return `an empty body has the type ${type}`
  if (status >= 400) {
    if (sent.path === '/healthz' || sent.path === '/readiness')
      return text === '' ? null : 'a body where none should be'
    if (!/^application\/json($|;)/.test(type ?? '')) return `a refusal of the type ${type}`
    return refusals[status]?.(json) ? null : 'a refusal of no documented shape'
  }
  const path = sent.path.split('?')[0] ?? ''
  const shape = shapeOf(sent.method, path, status)
  if (shape === undefined) return 'a success that the contract does not know'
  if (shape === 'none') return text === '' ? null : 'a body where none should be'
  if (shape === 'text') return type?.startsWith('text/') ? null : `text of the type ${type}`
  if (!/^application\/json($|;)/.test(type ?? '')) return `JSON of the type ${type}`
  const everyToken = path.includes('/auth/tokens') && typeof sent.body === 'object' && 'all' in (sent.body ?? {})
  asGoClientReads(everyToken ? 'Nothing' : shape, json)
  return null
}

/** @throws what of it is not as the contract says. */
export function checkReply(sent: Sent, reply: Reply): void {
  const { status, headers } = reply
  const said = `${sent.method} ${sent.path} ${JSON.stringify(sent.body) ?? ''} → ${status} ${reply.text.slice(0, 500)}`
  const must = (problem: string | null): void => {
    if (problem !== null) throw new Error(`${problem}: ${said}`)
  }
  must(headers['deis_api_version'] === '2.3' ? null : 'no API version')
  must(/^\d+\.\d+\.\d+$/.test(String(headers['deis_platform_version'])) ? null : 'no platform version')
  must(headers['x-content-type-options'] === 'nosniff' && headers['x-frame-options'] === 'DENY' ? null : 'no guards')
  must(status < 500 ? null : 'a failure of the server')
  must(status >= 300 && status < 400 ? 'a redirect' : null)
  if (status === 401) must(headers['www-authenticate'] === 'Token' ? null : 'no challenge')
  if (status === 405) must(/^[A-Z]+(, [A-Z]+)*$/.test(headers.allow ?? '') ? null : 'no word on what is allowed')
  try {
    must(bodyProblem(sent, reply))
  } catch (error) {
    throw new Error(`${String(error)}: ${said}`, { cause: error })
  }
}
