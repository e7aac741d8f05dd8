// How are TLS connections accepted and passed to the server?
import type { Socket } from 'node:net'
import type { SecureContext, Server, TLSSocket } from 'node:tls'
import { messageOf } from '@deis/types'
import { type Certificate, findCertificate } from './table/certificates.ts'
import { hostOf } from './table/hosts.ts'
import type { Table } from './table/table.ts'

const handshakeWithin = 10_000
const least = 'TLSv1.2'

export type TlsListener = {
  readonly server: Server
  /** Takes no more connections, ends those without a finished handshake after `silent` ms, and resolves when the others have ended. */
  close(silent: number): Promise<void>
}

type Options = {
  readonly table: () => Table
  readonly log: (line: string) => void
  /** Called with each connection that has been agreed upon. */
  readonly take: (client: TLSSocket) => void
}

/** The two ends of a connection, which the encrypted and the plain socket of it have in common. */
function pairOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

export async function createTlsListener({ table, log, take }: Options): Promise<TlsListener> {
  // TLS takes memory and start-up time that a router without it does not need.
  const { createSecureContext, createServer } = await import('node:tls')
  // Made when first asked for, and kept as long as the table has the certificate. Null: it cannot be used.
  const contexts = new WeakMap<Certificate, SecureContext | null>()
  const contextOf = (certificate: Certificate): SecureContext | null => {
    const known = contexts.get(certificate)
    if (known !== undefined) return known
    let made: SecureContext | null = null
    try {
      made = createSecureContext({ cert: certificate.certificate, key: certificate.key, minVersion: least })
    } catch (error) {
      log(`the certificate of "${certificate.host}" cannot be used, so there is no TLS for it: ${messageOf(error)}`)
    }
    contexts.set(certificate, made)
    return made
  }

  const contextFor = (asked: string): SecureContext | null => {
    const name = hostOf(asked)
    const certificate = name === null ? undefined : findCertificate(table(), name)
    return certificate === undefined ? null : contextOf(certificate)
  }

  const handshaking = new Map<string, Socket>()
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    minVersion: least,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: handshakeWithin,
    SNICallback: (asked, done) => {
      // Without a context there is no certificate, and TLS itself tells the client so.
      done(null, contextFor(asked) ?? undefined)
    },
  })
  server.on('connection', (client: Socket) => {
    const pair = pairOf(client)
    handshaking.set(pair, client)
    client.once('close', () => {
      if (handshaking.get(pair) === client) handshaking.delete(pair)
    })
  })
  server.on('secureConnection', (client) => {
    handshaking.delete(pairOf(client))
    // A client that was here before needs no certificate, but there has to be one still.
    if (client.servername && contextFor(client.servername) !== null) take(client)
    else client.destroy()
  })
  return {
    server,
    async close(silent) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const hush = setTimeout(() => {
        for (const client of handshaking.values()) client.destroy()
      }, silent)
      await closed
      clearTimeout(hush)
    },
  }
}
