// Which host names may an app have, and how are they written (docs/contract/api.md §2.8)?
import { domainToASCII, domainToUnicode } from 'node:url'
import { domainMessages, invalidField } from '@deis/types'

const labelPattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** What a name may be written with; percent signs, slashes and the like mean something else where names become ASCII. */
const wordPattern = /^[\p{L}\p{M}\p{N}-]+$/u
const maxLength = 253

/** Is it what a label with other letters becomes? What cannot be decoded stays as it is, or becomes empty, by version of Node.js. */
function isEncoded(ascii: string): boolean {
  const unicode = domainToUnicode(ascii)
  return unicode !== ascii && domainToASCII(unicode) === ascii
}

/** The label in ASCII, or why it has none. */
function asciiLabel(label: string): { ascii: string } | { problem: string } {
  if (label === '') return { problem: 'Empty Label' }
  if (!wordPattern.test(label)) return { problem: `Invalid character in label ${JSON.stringify(label)}` }
  const ascii = /^[\x20-\x7e]+$/.test(label) ? label.toLowerCase() : domainToASCII(label)
  if (ascii === '') return { problem: `Invalid label ${JSON.stringify(label)}` }
  if (ascii.length > 63) return { problem: 'Label too long' }
  if (!labelPattern.test(ascii)) return { problem: 'Label must not start or end with a hyphen' }
  if (ascii.slice(2, 4) === '--' && !isEncoded(ascii))
    return { problem: 'Label has disallowed hyphens in 3rd and 4th position' }
  return { ascii }
}

/** The name as it is stored: ASCII, lower case, without a last dot. @throws what the contract says under `domain`. */
export function domainName(raw: string): string {
  const written = raw.trim().replace(/\.$/, '')
  const refuse = (message: string): never => {
    throw invalidField('domain', message)
  }
  if (written === '') refuse('This field may not be blank.')
  if (written === '*') refuse(domainMessages.onlyWildcard)
  const wildcard = written.startsWith('*.')
  const labels = (wildcard ? written.slice(2) : written).split('.').map((label) => {
    const result = asciiLabel(label)
    return 'ascii' in result
      ? result.ascii
      : refuse(`Hostname does not look valid, could not convert to ACE ${written}: ${result.problem}`)
  })
  const name = `${wildcard ? '*.' : ''}${labels.join('.')}`
  if (name.length > maxLength) refuse(domainMessages.tooLong)
  if (/^\d+$/.test(labels.at(-1) ?? '')) refuse(domainMessages.invalid)
  return name
}

/** Every stored name that leads where this one does: `www` and `www.<platform domain>` are one. */
export function spellings(name: string, platformDomain: string): string[] {
  const suffix = `.${platformDomain}`
  if (!name.includes('.')) return [name, `${name}${suffix}`]
  const label = name.endsWith(suffix) ? name.slice(0, -suffix.length) : ''
  return label !== '' && label !== '*' && !label.includes('.') ? [name, label] : [name]
}

/** What leads right under the platform's domain: apps are reached there by their names, so both are names of one kind. */
export function labelOf(name: string, platformDomain: string): string | undefined {
  return spellings(name, platformDomain).find((one) => !one.includes('.'))
}

/** The platform's own domain, what is under it, and a wildcard that would cover it. */
export function isOfPlatform(name: string, platformDomain: string): boolean {
  const covered = name.startsWith('*.') && platformDomain.endsWith(name.slice(1))
  return name === platformDomain || name.endsWith(`.${platformDomain}`) || covered
}

/** Every wildcard that a request for this name could lead to. */
export function wildcardsOver(name: string): string[] {
  const labels = name.replace(/^\*\./, '').split('.')
  const parents = labels.map((_, index) => `*.${labels.slice(index + 1).join('.')}`).slice(0, -1)
  return name.startsWith('*.') ? [name, ...parents] : parents
}
