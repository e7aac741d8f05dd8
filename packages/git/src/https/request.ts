// Is a request one of git's, for which app, and does it have the form that git's clients give it?
import type { IncomingHttpHeaders } from 'node:http'
import type { GitCall, Service } from '../push/serve.ts'

export type GitRequest = {
  readonly call: GitCall
  /** How the body is compressed. */
  readonly encoding: 'identity' | 'gzip'
}

export type NotServed = { readonly status: 403 | 405 | 415; readonly text: string }

type Asked = { readonly method?: string; readonly url?: string; readonly headers: IncomingHttpHeaders }

const path = /^\/([a-z]([a-z0-9-]{0,61}[a-z0-9])?)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/
const services: ReadonlySet<string> = new Set<Service>(['git-upload-pack', 'git-receive-pack'])
const isService = (name: string): name is Service => services.has(name)
const versions = /^version=[0-2]$/

function protocolOf(headers: IncomingHttpHeaders, service: Service): string | undefined {
  const said = headers['git-protocol']
  return service === 'git-upload-pack' && typeof said === 'string' && versions.test(said) ? said : undefined
}

/** Null: it is not about git at all. */
export function readRequest({ method, url = '', headers }: Asked): GitRequest | NotServed | null {
  // Longer than any of git's.
  if (url.length > 200) return null
  const [written = '', query = ''] = url.split('?')
  const [, app, , what] = path.exec(written) ?? []
  if (app === undefined || what === undefined) return null
  const isListing = what === 'info/refs'
  if (method !== (isListing ? 'GET' : 'POST'))
    return { status: 405, text: `Only ${isListing ? 'GET' : 'POST'} is served here.` }
  const service = isListing ? (new URLSearchParams(query).get('service') ?? '') : what
  if (!isService(service)) return { status: 403, text: 'Only the smart HTTP protocol of git is served here.' }
  const call = { service, app, protocol: protocolOf(headers, service) }
  if (isListing) return { call: { ...call, step: 'refs' }, encoding: 'identity' }
  // No page of another site can send this type without asking first.
  if (headers['content-type'] !== `application/x-${service}-request`)
    return { status: 415, text: `The content type must be application/x-${service}-request.` }
  const { 'content-encoding': encoding = 'identity' } = headers
  if (encoding === 'gzip' || encoding === 'x-gzip') return { call: { ...call, step: 'exchange' }, encoding: 'gzip' }
  if (encoding === 'identity') return { call: { ...call, step: 'exchange' }, encoding }
  return { status: 415, text: 'A body may be compressed by gzip only.' }
}
