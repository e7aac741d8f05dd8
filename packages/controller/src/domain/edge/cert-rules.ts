// What does an uploaded certificate contain, and does its key match (docs/contract/api.md §2.10)?
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { certMessages, DeisError, invalidField, messageOf } from '@deis/types'

export type CertFacts = {
  /** PEM, nothing but the certificates. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
  readonly commonName: string | null
  readonly san: string[]
  readonly fingerprint: string
  readonly starts: Date
  readonly expires: Date
  readonly issuer: string
  readonly subject: string
}

const blockPattern = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** OpenSSL's error codes say little; its reason is what helps. */
function reason(error: unknown): string {
  const { reason: text } = error as { reason?: unknown }
  return typeof text === 'string' ? text : messageOf(error)
}

function readChain(text: string): X509Certificate[] {
  const refuse = (why: string): never => {
    throw invalidField('certificate', `Could not load certificate: ${why}`)
  }
  const blocks = text.match(blockPattern) ?? []
  if (blocks.length === 0) return refuse('no PEM certificate found')
  return blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch (error) {
      return refuse(reason(error))
    }
  })
}

function readKey(text: string): KeyObject {
  try {
    return createPrivateKey({ key: text, format: 'pem' })
  } catch (error) {
    const why = /\bENCRYPTED\b/.test(text) ? 'it is protected by a passphrase; remove that first' : reason(error)
    throw invalidField('key', `Could not load private key: ${why}`)
  }
}

/** Lines such as `CN=example.com`, special characters behind backslashes. */
function attributes(name: string): string[] {
  return name
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\\(.)/g, '$1'))
}

function slashed(name: string): string {
  return attributes(name)
    .map((line) => `/${line}`)
    .join('')
}

/** `DNS:a, IP Address:b, …`; a name with special characters is a JSON string, so that none can pretend to be two. */
function dnsNames(alternatives: string | undefined): string[] {
  return [...(alternatives ?? '').matchAll(/(?:^|, )DNS:("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, name = '']) =>
    name.startsWith('"') ? (JSON.parse(name) as string) : name,
  )
}

/** @throws every failing field at once; then, when both can be read, that they do not belong together. */
export function readCertificate(certificateText: string, keyText: string): CertFacts {
  const problems: DeisError[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof DeisError)) throw error
      problems.push(error)
      return undefined
    }
  }
  const chain = attempt(() => readChain(certificateText))
  const key = attempt(() => readKey(keyText))
  const first = chain?.[0]
  if (!first || !chain || !key)
    throw new DeisError('invalid', problems.map((one) => one.message).join(' '), {
      fields: Object.assign({}, ...problems.map((one) => one.fields)) as Record<string, string[]>,
    })
  if (!first.checkPrivateKey(key)) throw new DeisError('invalid', certMessages.mismatch, { list: true })
  const commonName = attributes(first.subject).find((line) => line.startsWith('CN='))
  return {
    certificate: chain.map((one) => one.toString()).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    commonName: commonName?.slice(3) ?? null,
    san: dnsNames(first.subjectAltName),
    fingerprint: first.fingerprint256,
    starts: new Date(first.validFrom),
    expires: new Date(first.validTo),
    issuer: slashed(first.issuer),
    subject: slashed(first.subject),
  }
}
