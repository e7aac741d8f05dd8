// How do tests ask an app over TLS, and which certificate do they see?
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { Answer } from './http.ts'

export type SecureAnswer = Answer & {
  readonly serial: string
  /** `DNS:*.example.com`: of what the certificate is. */
  readonly names: string
}

/** @throws where the certificate is not one for that host, of that CA. */
export async function askSecurely(
  port: number,
  host: string,
  {
    ca,
    path = '/',
    agent = false,
    address = '127.0.0.1',
  }: { readonly ca: string; readonly path?: string; readonly agent?: Agent | false; readonly address?: string },
): Promise<SecureAnswer> {
  const headers = { host }
  const call = request({ host: address, port, path, servername: host, ca, headers, agent, timeout: 10_000 })
  call.once('timeout', () => call.destroy(new Error('no answer within 10 s')))
  call.end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  const { serialNumber: serial, subjectaltname: names = '' } = (response.socket as TLSSocket).getPeerCertificate()
  const { statusCode: status = 0, headers: came } = response
  return { status, body: await text(response), serial, names, location: came.location }
}
