// How does anything thrown become the contract's answer (docs/contract/api.md §1.4)?
import { DeisError, errors, type FieldErrors } from '@deis/types'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

type AjvError = {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  message?: string
  data?: unknown
  parentSchema?: { message?: string }
}

function typeName(value: unknown): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  const names: Record<string, string> = { string: 'str', number: 'int', boolean: 'bool', object: 'dict' }
  return names[typeof value] ?? typeof value
}

function message(error: AjvError): string {
  switch (error.keyword) {
    case 'required':
      return 'This field is required.'
    case 'minLength':
      return 'This field may not be blank.'
    case 'maxItems':
      return `Ensure this field has no more than ${String(error.params.limit)} elements.`
    case 'maxProperties':
      return `Ensure this field has no more than ${String(error.params.limit)} keys.`
    case 'maxLength':
      return `Ensure this field has no more than ${String(error.params.limit)} characters.`
    case 'pattern':
      return error.parentSchema?.message ?? 'Enter a valid value.'
    case 'type':
      if (error.data === null) return 'This field may not be null.'
      if (error.params.type === 'string') return 'Not a valid string.'
      if (error.params.type === 'object' && error.instancePath === '')
        return `Invalid data. Expected a dictionary, but got ${typeName(error.data)}.`
      if (error.params.type === 'object')
        return `Expected a dictionary of items but got type "${typeName(error.data)}".`
      if (error.params.type === 'array') return `Expected a list of items but got type "${typeName(error.data)}".`
      return `A valid ${String(error.params.type)} is required.`
    default:
      return error.message ?? 'Enter a valid value.'
  }
}

/** All failing fields at once; what concerns the whole body goes under `non_field_errors`. */
function fieldErrors(found: readonly AjvError[]): FieldErrors {
  const fields: FieldErrors = {}
  for (const error of found) {
    // The branches of a union add nothing to the reason itself.
    if (error.keyword === 'anyOf' && found.length > 1) continue
    const missing = error.keyword === 'required' ? String(error.params.missingProperty) : ''
    const [, top = ''] = error.instancePath.split('/')
    const field = top || missing || 'non_field_errors'
    const text = message(error)
    const list = (fields[field] ??= [])
    if (!list.includes(text)) list.push(text)
  }
  // A value that fails one branch of "string or null" for its length is not also reported as not null.
  for (const list of Object.values(fields)) {
    const real = list.filter((text) => text !== 'A valid null is required.')
    if (real.length > 0) list.splice(0, list.length, ...real)
  }
  return fields
}

/** For Fastify's schemaErrorFormatter. */
export function invalidBody(found: readonly AjvError[]): DeisError {
  const fields = fieldErrors(found)
  return new DeisError(
    'invalid',
    Object.entries(fields)
      .map(([field, list]) => `${field}: ${list.join(' ')}`)
      .join(' '),
    { fields },
  )
}

function fromFastify(error: FastifyError, request: FastifyRequest): DeisError | null {
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new DeisError('media_type', `Unsupported media type "${request.headers['content-type'] ?? ''}" in request.`)
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new DeisError('too_large', 'The request body is too large.')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new DeisError('invalid', error.message)
  return null
}

/** What was sent is repeated where it helps, but shortened. */
const longestText = 8_000
const mostTexts = 20

const cut = (text: string): string => (text.length > longestText ? `${text.slice(0, longestText)}…` : text)

function cutFields(fields: FieldErrors): FieldErrors {
  const some = Object.entries(fields).slice(0, mostTexts)
  return Object.fromEntries(some.map(([field, list]) => [cut(field), list.slice(0, mostTexts).map(cut)]))
}

/** What clients send is parsed by json.ts, so this is a stored text that is not JSON. */
function fromStored(error: SyntaxError, request: FastifyRequest): DeisError {
  request.log.error({ err: error, url: request.url }, 'stored data cannot be read')
  const { id } = (request.params ?? {}) as { id?: string }
  const [of, wayOut] = id === undefined ? ['', ''] : [` of "${id}"`, ', or destroy the app with deis destroy']
  return new DeisError(
    'conflict',
    `Stored data${of} cannot be read (${error.message}), so nothing was done. Restore the database from a backup${wayOut}. See the controller's log.`,
  )
}

function errorOf(thrown: unknown, request: FastifyRequest): DeisError | null {
  if (thrown instanceof DeisError) return thrown
  return thrown instanceof SyntaxError ? fromStored(thrown, request) : fromFastify(thrown as FastifyError, request)
}

export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = errorOf(thrown, request)
  if (!error || error.code === 'internal') {
    request.log.error({ err: thrown }, 'request failed')
    return reply.code(500).send({ detail: 'Server Error' })
  }
  if (error.code === 'unauthenticated') reply.header('www-authenticate', 'Token')
  if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter)
  reply.code(errors[error.code].http)
  const text = cut(error.message)
  if (error.list) return reply.send([text])
  if (error.fields) return reply.send(cutFields(error.fields))
  // A bare JSON string: sent as text, Fastify would leave out the quotes.
  if (error.bare) return reply.header('content-type', 'application/json').send(JSON.stringify(text))
  return reply.send({ detail: text })
}
