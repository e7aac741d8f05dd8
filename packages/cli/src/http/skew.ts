// Do the versions of client and controller fit (docs/contract/cli.md §4.2)?
import { DeisError } from '@deis/types'
import { apiVersion, clientVersion } from './version.ts'

/** What an answer says of its controller. */
export type Versions = {
  readonly api: string | undefined
  /** Of this product; the original controller does not announce one. */
  readonly product: string | undefined
}

const apiForm = /^(\d{1,6})\.(\d{1,6})(?:\.\d{1,6})?$/
const productForm = /^(\d{1,6})\.(\d{1,6})\.\d{1,6}(?:[-+][\w.-]{1,40})?$/

export function versionsIn(headers: Readonly<Record<string, unknown>>): Versions {
  const { deis_api_version: api, 'deis-version': product } = headers
  return {
    api: typeof api === 'string' && api !== '' ? api : undefined,
    product: typeof product === 'string' && productForm.test(product) ? product : undefined,
  }
}

/** Major and minor number, compared as numbers: 2.10 is newer than 2.3. */
function numbersIn(form: RegExp, version: string | undefined): [number, number] | null {
  const [, major, minor] = form.exec(version ?? '') ?? []
  return major === undefined || minor === undefined ? null : [Number(major), Number(minor)]
}

function compare([major, minor]: [number, number], [otherMajor, otherMinor]: [number, number]): number {
  return major - otherMajor || minor - otherMinor
}

export function isOfThisVersion(product: string): boolean {
  return product === clientVersion.slice(1)
}

export function installLine(origin: string): string {
  return `curl -fsSL ${origin}/install.sh | sh`
}

/** Another major version is another API. @throws before anything of the answer is used */
export function refuseOtherApi({ api, product }: Versions, origin: string, wasChange: boolean): void {
  const theirs = numbersIn(apiForm, api)
  const [major] = numbersIn(apiForm, apiVersion) ?? []
  if (theirs === null || theirs[0] === major) return
  const done = wasChange ? ' What this command asked for may have been done.' : ''
  throw new DeisError(
    'unreachable',
    `${origin} speaks version ${api} of the API, and this client version ${apiVersion}.${done}`,
    { hint: product === undefined ? undefined : `Install the client of that platform: \`${installLine(origin)}\`.` },
  )
}

/** What to tell about versions that do not fit, line by line; null if they do. Answers are used as they come. */
export function skewNote({ api, product }: Versions, origin: string, own = clientVersion.slice(1)): string | null {
  const theirs = numbersIn(apiForm, api)
  const needed = numbersIn(apiForm, apiVersion)
  if (theirs === null || needed === null || compare(theirs, needed) < 0)
    return [
      '!    WARNING: client and controller have different API versions, and some commands may fail. Use matching versions.',
      `!    Client version: ${apiVersion}`,
      `!    Server version: ${api ?? 'not announced'}`,
    ].join('\n')
  const [platform, client] = [numbersIn(productForm, product), numbersIn(productForm, own)]
  const order = platform === null || client === null ? 0 : compare(platform, client)
  if (order === 0) return null
  return order > 0
    ? `!    ${origin} is Deis ${product}, newer than this client (${own}). To upgrade the client: ${installLine(origin)}`
    : `!    ${origin} is Deis ${product}, older than this client (${own}); some commands may not work there.`
}
