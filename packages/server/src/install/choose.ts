// What is decided for the operator, from the machine and from what is installed?
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { Failure } from '../failure.ts'
import type { Release } from '../act/release.ts'
import { isOurs } from '../doctor/ports.ts'
import { layout, systemPath } from '../layout.ts'
import type { Facts } from '../machine/facts.ts'
import { listenersOn } from '../machine/listeners.ts'
import { readEnv } from './env-file.ts'
import type { Wanted } from './plan.ts'

export type Options = {
  readonly domain?: string
  readonly scheduler?: 'process' | 'docker'
  readonly gitPort?: number
  readonly email?: string
  readonly acmeDirectory?: string
}

/** `name.example.com`; not an address, which can have no subdomains. */
export function checkDomain(text: string): string {
  const domain = text.toLowerCase().replace(/\.$/, '')
  const labels = domain.split('.')
  const fits = labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))
  if (!fits || domain.length > 200 || /^\d+$/.test(labels.at(-1) ?? ''))
    throw new Failure(`"${text}" is not a domain`, 'Apps get <app>.<domain>: --domain apps.example.com')
  return domain
}

/** The programs of the system, and Node.js for apps where that is elsewhere and every user can reach it. */
export function programPath(execPath: string): string {
  const folder = dirname(execPath)
  const known = systemPath.split(delimiter)
  return known.includes(folder) || /^\/(root|home|opt\/deis)\//.test(`${folder}/`)
    ? systemPath
    : [...known, folder].join(delimiter)
}

const text = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return ''
  })

const firstApiPort = 8000

async function freeApiPort(): Promise<number> {
  const ports = Array.from({ length: 100 }, (_, at) => firstApiPort + at)
  const taken = (await listenersOn(ports)).filter((listener) => !isOurs(listener)).map(({ port }) => port)
  return ports.find((port) => !taken.includes(port)) ?? firstApiPort
}

/** The files of settings under `root`. */
export async function readSettings(root: string): Promise<Wanted['before']> {
  const { controllerEnv, routerEnv, keysEnv } = layout
  const [controller, router, keys] = await Promise.all(
    [controllerEnv, routerEnv, keysEnv].map((path) => text(join(root, path))),
  )
  return { controller: controller ?? '', router: router ?? '', keys: keys ?? '' }
}

export async function chooseWanted(
  options: Options,
  facts: Pick<Facts, 'docker'>,
  release: Release & { readonly from: string },
  before: Wanted['before'],
): Promise<Wanted> {
  const installed = readEnv(before.controller)
  if (options.domain === undefined && !installed.has('DEIS_PLATFORM_DOMAIN'))
    throw new Failure('No domain is given.', 'Apps get <app>.<domain>: --domain apps.example.com')
  return {
    release,
    domain: options.domain === undefined ? null : checkDomain(options.domain),
    scheduler: options.scheduler ?? null,
    email: options.email ?? null,
    acmeDirectory: options.acmeDirectory ?? null,
    usualScheduler: facts.docker === null ? 'process' : 'docker',
    apiPort: await freeApiPort(),
    gitPort: options.gitPort ?? null,
    ipv6: (await text('/proc/net/if_inet6')) !== '',
    path: programPath(process.execPath),
    newKey: randomBytes(32).toString('hex'),
    before,
  }
}
