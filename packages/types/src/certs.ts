// What is a certificate, and how is it stored and attached to domains (docs/contract/api.md §2.10)?
import { type Static, Type } from 'typebox'
import { Empty, Page, PageQuery, route, Time, Word } from './route.ts'

/** The PEM texts are never returned. */
export const Certificate = Type.Object({
  id: Type.Integer(),
  owner: Type.String(),
  name: Type.String(),
  common_name: Type.Union([Type.String(), Type.Null()]),
  /** DNS names only. */
  san: Type.Array(Type.String()),
  domains: Type.Array(Type.String()),
  /** SHA-256, `AA:BB:…`. */
  fingerprint: Type.String(),
  expires: Time,
  starts: Time,
  /** `/C=US/O=CA/CN=R3` */
  issuer: Type.String(),
  subject: Type.String(),
  created: Time,
  updated: Time,
})
export type Certificate = Static<typeof Certificate>

export const certMessages = {
  name: 'Can only contain a-z (lowercase), 0-9 and hyphens',
  taken: 'certificate with this name already exists.',
  mismatch: 'Certificate and private key do not match!',
} as const

const CertParams = Type.Object({ name: Word })
const CertDomainParams = Type.Object({ name: Word, domain: Word })

export const listCerts = route({
  method: 'GET',
  path: '/v2/certs/',
  access: 'user',
  summary: 'List your certificates.',
  query: PageQuery,
  status: 200,
  response: Page(Certificate),
})

/** `certificate` may be a chain, with the certificate of the domain first. */
export const addCert = route({
  method: 'POST',
  path: '/v2/certs/',
  access: 'user',
  recorded: true,
  summary: 'Add a certificate and its private key.',
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 253, pattern: '^[a-z0-9-]*$', message: certMessages.name }),
    certificate: Type.String({ minLength: 1, maxLength: 131_072 }),
    key: Type.String({ minLength: 1, maxLength: 32_768 }),
  }),
  bodyBytes: 256 * 1024,
  status: 201,
  response: Certificate,
})

export const getCert = route({
  method: 'GET',
  path: '/v2/certs/:name',
  access: 'user',
  summary: 'Show one of your certificates.',
  params: CertParams,
  status: 200,
  response: Certificate,
})

export const removeCert = route({
  method: 'DELETE',
  path: '/v2/certs/:name',
  access: 'user',
  recorded: true,
  summary: 'Delete a certificate, and detach it from all domains.',
  params: CertParams,
  status: 204,
  response: Empty,
})

export const attachCert = route({
  method: 'POST',
  path: '/v2/certs/:name/domain/',
  access: 'user',
  recorded: true,
  summary: 'Attach a certificate to a domain of an app that you may use.',
  params: CertParams,
  body: Type.Object({ domain: Type.Optional(Word) }),
  status: 201,
  response: Empty,
})

/** The same, in the form of some other clients. */
export const attachCertByPath = route({
  method: 'POST',
  path: '/v2/certs/:name/domain/:domain',
  access: 'user',
  recorded: true,
  summary: 'Attach a certificate to a domain of an app that you may use.',
  params: CertDomainParams,
  status: 201,
  response: Empty,
})

export const detachCert = route({
  method: 'DELETE',
  path: '/v2/certs/:name/domain/:domain',
  access: 'user',
  recorded: true,
  summary: 'Detach a certificate from a domain.',
  params: CertDomainParams,
  status: 204,
  response: Empty,
})
