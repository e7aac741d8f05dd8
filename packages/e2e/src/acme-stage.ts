// How does a test get a CA that verifies names at a router of this machine, and a platform, or two, that ask it?
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Front, startFront } from './acme-front.ts'
import { testDatabase } from './database.ts'
import { type Pebble, startPebble } from './pebble.ts'
import { freePort } from './port.ts'
import { askSecurely, type SecureAnswer } from './secure.ts'
import { until } from './until.ts'

export const acmeDomain = 'apps.example.com'

/** Of a name, as `deis certs:auto --json` has it. */
export type AutoCert = {
  readonly host: string
  readonly state: string
  readonly error: { readonly type: string; readonly detail: string } | null
  readonly expires: string | null
  readonly next: string | null
}

export type AcmeStage = {
  readonly folder: string
  readonly ca: Pebble
  readonly httpPort: number
  readonly tlsPort: number
  /** Of the platform whose router the CA comes to. */
  readonly settings: Readonly<Record<string, string>>
  /** As somebody who trusts the CA. */
  secure(host: string, path?: string): Promise<SecureAnswer>
  /** Resolves when the name has a certificate of the CA. */
  has(host: string, path?: string): Promise<SecureAnswer>
  stop(): Promise<void>
}

export async function startAcmeStage(options: Parameters<typeof startPebble>[2] = {}): Promise<AcmeStage> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-acme-'))
  const [httpPort, tlsPort] = [await freePort(), await freePort()]
  const ca = await startPebble(folder, httpPort, options)
  const secure = async (host: string, path?: string): Promise<SecureAnswer> =>
    askSecurely(tlsPort, host, { ca: await ca.root(), path })
  return {
    folder,
    ca,
    httpPort,
    tlsPort,
    settings: {
      ...ca.settings,
      DEIS_PLATFORM_DOMAIN: acmeDomain,
      DEIS_ROUTER_HOST: '127.0.0.1',
      DEIS_ROUTER_PORT: String(httpPort),
      DEIS_ROUTER_TLS_PORT: String(tlsPort),
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
    },
    secure,
    has: (host, path) => until({ what: `${host} has a certificate of the CA`, seconds: 90 }, () => secure(host, path)),
    async stop() {
      await ca.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type PeersStage = {
  readonly stage: AcmeStage
  readonly front: Front
  readonly databaseUrl: string
  /** Of all controllers on the database. */
  readonly shared: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** For several controllers, with PostgreSQL. */
export async function startPeersStage(): Promise<PeersStage> {
  const stage = await startAcmeStage()
  const database = await testDatabase()
  const front = await startFront(stage.ca)
  return {
    stage,
    front,
    databaseUrl: database.env['DATABASE_URL']!,
    shared: {
      ...database.env,
      ...stage.ca.settings,
      DEIS_ACME_DIRECTORY: front.directory,
      DEIS_PLATFORM_DOMAIN: acmeDomain,
      DEIS_SECRET_KEY: randomBytes(32).toString('hex'),
      DEIS_BUILDER_KEY: randomBytes(32).toString('hex'),
    },
    async stop() {
      await front.stop()
      await stage.stop()
      await database.drop()
    },
  }
}
