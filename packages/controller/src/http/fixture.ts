// What do HTTP tests run against? The real server, a real database and the memory scheduler.
import { createHash, randomBytes, scryptSync } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import type { FastifyInstance } from 'fastify'
import pino from 'pino'
import type { Builder } from '@deis/ports/builder'
import { readConfig } from '../config.ts'
import type { Core } from '../domain/core.ts'
import { openAppLogs } from '../domain/live/logs.ts'
import { createQueue } from '../domain/releases/queue.ts'
import { createHere } from '../domain/here.ts'
import { type Measures, noMeasures } from '../domain/measures.ts'
import type { Passwords } from '../domain/accounts/passwords.ts'
import { createRouteTable } from '../domain/edge/routes.ts'
import { publishRoutes } from '../domain/edge/routing.ts'
import { createTraffic } from '../domain/edge/traffic.ts'
import type { Credentials, Registry } from '@deis/ports/registry'
import { createMemoryScheduler, type MemoryScheduler } from '@deis/ports/testing/memory'
import { createMemorySlugs, type MemorySlugs } from '@deis/ports/testing/memory-slugs'
import type { Capabilities, Scheduler } from '@deis/ports/scheduler'
import { createVault, verifyPassword } from '../store/crypto.ts'
import { openDb } from '../store/open.ts'
import { noPeers } from '../store/peers.ts'
import { openTestRepos } from '../test-repos.ts'
import { createApp } from './app.ts'

export const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url))

/** A database of its own: a new SQLite file, or with DATABASE_URL=postgres://… a new database on that server. */
export async function testDatabase(folder: string): Promise<{ url: string; drop(): Promise<void> }> {
  const server = process.env.DATABASE_URL
  if (!server?.startsWith('postgres')) return { url: `file:${join(folder, 'deis.db')}`, drop: async () => {} }
  const name = `deis_${randomBytes(8).toString('hex')}`
  const execute = async (sql: string): Promise<void> => {
    const adapter = await new PrismaPg({ connectionString: server }).connect()
    await adapter.executeScript(sql)
    await adapter.dispose()
  }
  await execute(`CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => execute(`DROP DATABASE ${name} WITH (FORCE)`) }
}

/** Migrations are what the store's tests are about; here they would run some hundred times. */
let migrated: Promise<Buffer> | undefined
async function migratedFile(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-migrated-'))
  const path = join(folder, 'deis.db')
  await (await openDb(`file:${path}`, migrations)).close()
  const content = await readFile(path)
  await rm(folder, { recursive: true })
  return content
}

export type Asked = { readonly image: string; readonly credentials: Credentials | null }

/** Every image is there and listens on 5000; remembers what it was asked. */
function anyImage(asked: Asked[]): Registry {
  return {
    inspect: async (image, credentials) => {
      asked.push({ image, credentials })
      const digest = `sha256:${createHash('sha256').update(image).digest('hex')}`
      const reference = `registry.test/${image.split(':')[0]}@${digest}`
      return {
        reference,
        digest,
        ports: [5000],
        entrypoint: [],
        cmd: [],
        user: '',
        env: [],
        workingDir: '',
        labels: {},
      }
    },
    appendLayer: () => Promise.reject(new Error('nothing is pushed here')),
    changeBase: () => Promise.reject(new Error('nothing is pushed here')),
    readLayer: () => Promise.reject(new Error('there are no layers here')),
    readStored: () => Promise.reject(new Error('nothing is stored here')),
    writeStored: () => Promise.reject(new Error('nothing is pushed here')),
    remove: async () => false,
    tags: async () => new Map(),
  }
}

/** Tests of this layer push nothing; builds are tested in builder/ and end to end. */
const noBuilder: Builder = {
  name: 'none',
  expect: () => {},
  build: () => Promise.reject(new Error('nothing is built here')),
  recover: async () => {},
  prune: async () => {},
  forget: async () => {},
  checks: async () => [{ name: 'builder', status: 'missing', detail: 'tests have none' }],
}

/** At a hundredth of the cost: what is stored says which that was, so it is verified as always. */
function quickHash(password: string): string {
  const salt = randomBytes(16)
  const hash = scryptSync(password, salt, 32, { N: 256, r: 8, p: 1 })
  return `scrypt$256$8$1$${salt.toString('base64url')}$${hash.toString('base64url')}`
}
const quickPasswords: Passwords = {
  hash: async (password) => quickHash(password),
  verify: verifyPassword,
  pretend: async (password) => {
    await verifyPassword(password, quickHash('not a password of any account'))
    return false
  },
}

export type Fixture = {
  readonly server: FastifyInstance
  readonly core: Core
  readonly memory: MemoryScheduler
  readonly slugs: MemorySlugs
  /** Sends a request as the holder of a token and gives status, parsed body and headers. */
  call(method: string, url: string, body?: unknown, token?: string): Promise<Answer>
  /** Registers and logs in; the first one is admin. */
  user(name: string): Promise<string>
  /** What the registry was asked, oldest first. */
  asked(): readonly Asked[]
  close(): Promise<void>
}
export type Answer = { status: number; body: unknown; text: string; headers: Record<string, unknown> }

export async function openFixture(
  options: {
    env?: Record<string, string>
    capabilities?: Partial<Capabilities>
    builder?: Partial<Builder>
    /** Default: there are some. */
    slugs?: false
    wrap?: (scheduler: Scheduler) => Scheduler
    /** Where the cost of hashing is the subject. */
    passwords?: Passwords
    clientFolder?: string
    measures?: Measures
  } = {},
): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-http-'))
  const database = await testDatabase(folder)
  const config = {
    ...readConfig(
      {
        DEIS_DATA_DIR: folder,
        DATABASE_URL: database.url,
        DEIS_BUILDER_KEY: 'b'.repeat(32),
        DEIS_ROUTER_KEY: 'r'.repeat(32),
        PATH: process.env.PATH,
        ...options.env,
      },
      folder,
    ),
  }
  if (database.url.startsWith('file:')) await writeFile(join(folder, 'deis.db'), await (migrated ??= migratedFile()))
  const store = await openDb(config.databaseUrl, migrations)
  const memory = createMemoryScheduler(options.capabilities ? { capabilities: options.capabilities } : {})
  const scheduler = options.wrap ? options.wrap(memory) : memory
  const shutdown = new AbortController()
  const peers = noPeers('test')
  const asked: Asked[] = []
  const log = pino({ level: 'silent' })
  const slugs = createMemorySlugs()
  const core: Core = {
    config,
    db: store.db,
    read: store.read,
    vault: createVault(randomBytes(32)),
    passwords: options.passwords ?? quickPasswords,
    scheduler,
    builder: { ...noBuilder, ...options.builder },
    registry: anyImage(asked),
    peers,
    here: createHere(),
    traffic: createTraffic(),
    queue: createQueue(shutdown.signal, peers.lock),
    routes: createRouteTable(config.platformDomain, { routersExpected: false }),
    logs: openAppLogs(
      join(folder, 'logs'),
      () => new Date(),
      (error) => {
        throw error
      },
    ),
    measures: options.measures ?? noMeasures,
    log,
    shutdown: shutdown.signal,
    ...(await openTestRepos(config)),
    slugs: options.slugs === false ? null : slugs,
  }
  const publishing = new Set<Promise<void>>()
  const unwatch = scheduler.onChange((app) => {
    const done = publishRoutes(core, app).finally(() => publishing.delete(done))
    publishing.add(done)
  })
  const server = createApp(core, { url: (host) => `ssh://git@${host}:2222`, hostKeys: ['ssh-ed25519 AAAA'] }, null, {
    client: options.clientFolder ?? null,
    page: null,
  })
  const call = async (method: string, url: string, body?: unknown, token?: string): Promise<Answer> => {
    const answer = await server.inject({
      method: method as 'GET',
      url,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `token ${token}` }),
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const type = String(answer.headers['content-type'] ?? '')
    const parsed: unknown = type.includes('application/json') && answer.body !== '' ? JSON.parse(answer.body) : null
    return { status: answer.statusCode, body: parsed, text: answer.body, headers: answer.headers }
  }
  return {
    server,
    core,
    memory,
    slugs,
    call,
    asked: () => asked,
    async user(name) {
      await call('POST', '/v2/auth/register/', {
        username: name,
        password: `${name}-secret`,
        email: `${name}@example.com`,
      })
      const { body } = await call('POST', '/v2/auth/login/', { username: name, password: `${name}-secret` })
      return (body as { token: string }).token
    },
    async close() {
      shutdown.abort(new Error('the test is over'))
      await core.queue.idle()
      unwatch()
      await server.close()
      await scheduler.close({ stop: true })
      await core.logs.flush()
      // What the last changes asked for still reads the database.
      await Promise.all(publishing)
      await store.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
