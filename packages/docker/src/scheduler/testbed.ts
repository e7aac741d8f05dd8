// What do tests of the scheduler for Docker need around it: an engine, an image in it, and a router's requests?
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { messageOf } from '@deis/types'
import type { Artifact } from '@deis/ports/scheduler'
import { openEngine } from '../engine/engine.ts'
import type { DockerOptions } from './backend.ts'
import { ofPlatform } from '../labels.ts'
import { openNetworks } from './networks.ts'

const run = promisify(execFile)
const { TEST_DOCKER_HOST, TEST_DOCKER_REGISTRY } = process.env

/** Whether there is an engine to test with, and its registry. */
export const isEngineThere = TEST_DOCKER_HOST !== undefined && TEST_DOCKER_REGISTRY !== undefined

export type Testbed = {
  /** Before the names of all apps, so that several suites can use one engine. */
  readonly prefix: string
  readonly platform: string
  readonly folder: string
  readonly logged: string[]
  options(more?: Partial<DockerOptions>): Promise<DockerOptions>
  /** `stack:1` has node and bash. */
  image(name: string): Promise<Artifact & { readonly kind: 'image' }>
  /** Runs the engine's own command line. */
  docker(...args: string[]): Promise<string>
  /** @throws when something is left that the scheduler should have deleted. */
  remove(): Promise<void>
}

const lines = (output: string): string[] => output.split('\n').filter((line) => line !== '')

export async function openTestbed(
  name: string,
  host = TEST_DOCKER_HOST ?? '',
  /** Of one that another program has opened. */
  same?: Pick<Testbed, 'prefix' | 'folder'>,
): Promise<Testbed> {
  const prefix = same?.prefix ?? `${name}-${randomBytes(2).toString('hex')}-`
  const platform = `test-${prefix}`.slice(0, -1)
  const folder = same?.folder ?? (await mkdtemp(join(tmpdir(), 'deis-docker-')))
  const logged: string[] = []
  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('docker', args, { env: { ...process.env, DOCKER_HOST: host }, timeout: 120_000 })
    return stdout.trim()
  }
  const log: DockerOptions['log'] = (level, message, fields) =>
    void logged.push(`${level} ${message} ${messageOf(fields.err)}`)
  return {
    prefix,
    platform,
    folder,
    logged,
    docker,
    options: async (more) => {
      const engine = await openEngine({ host, certPath: null }, AbortSignal.timeout(20_000))
      const pools = ['10.204.0.0/15']
      return {
        engine,
        networks: openNetworks({ engine, platform, pools, log }),
        platform,
        folder,
        stateFolder: join(folder, 'state'),
        pools,
        reach: 'auto',
        registryCredentials: {},
        drained: async () => {},
        log,
        ...more,
      }
    },
    async image(reference) {
      const name = `${TEST_DOCKER_REGISTRY}/${reference}`
      return {
        kind: 'image',
        reference: await docker('inspect', '--format', '{{index .RepoDigests 0}}', name),
        launcher: 'none',
      }
    },
    async remove() {
      const filter = ['--quiet', '--filter', `label=${ofPlatform(platform)}`]
      const containers = lines(await docker('ps', '--all', ...filter))
      if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers)
      const networks = lines(await docker('network', 'ls', ...filter))
      if (networks.length > 0) await docker('network', 'rm', ...networks)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** One request on a connection of its own, like the router's. */
export async function get(address: string, path = '/'): Promise<string> {
  const sent = request(`http://${address}${path}`, { agent: false, timeout: 10_000 }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const body = await text(response)
  if (response.statusCode !== 200) throw new Error(`${address} answered ${response.statusCode}: ${body}`)
  return body
}

/** Listens on PORT; answers who it is, and `/crash` ends it. */
const server = `require('node:http').createServer((request, response) => {
  if (request.url === '/crash') process.exit(1);
  response.end(JSON.stringify({ pod: process.env.HOSTNAME, greeting: process.env.GREETING ?? null }))
}).listen(process.env.PORT ?? 5000);
process.on('SIGTERM', () => process.exit(0))`

export const serve = `exec node -e "${server.replaceAll('\n', ' ')}"`
