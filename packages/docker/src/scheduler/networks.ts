// How does each app get a network of its own, which no other app reaches?
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { within } from '@deis/lib/within'
import type { Log } from '@deis/ports/backend'
import { NameTaken } from '@deis/ports/scheduler'
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { ContainerList, type Network, NetworkList, NetworkMembers } from '../engine/objects.ts'
import { appLabel, ofPlatform, platformLabel } from '../labels.ts'
import { freeSubnets, routed } from './subnets.ts'

export type Networks = {
  /** The name of the app's network, made if it is missing. @throws NameTaken, Error with what to do. */
  ensure(app: string, signal: AbortSignal): Promise<string>
  /** It may be gone: the next `ensure` looks again. */
  doubt(app: string): void
  /** Deletes it. One that has a container of somebody else in it stays, and is used again if the app comes back. */
  remove(app: string, signal: AbortSignal): Promise<void>
}

type Deps = {
  readonly engine: Engine
  readonly platform: string
  readonly pools: readonly string[]
  readonly log: Log
}

/** So many are tried when others make networks at the same time. */
const tries = 20
const makeMs = 120_000
const waitMs = 600_000

const networkName = (app: string): string => `deis-${app}`

/** Names of interfaces have at most 15 characters. */
const bridgeName = (platform: string, app: string): string =>
  `deis-${createHash('sha256').update(`${platform}/${app}`).digest('hex').slice(0, 8)}`

const subnetsOf = ({ IPAM }: Network): string[] => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? [])

export function openNetworks({ engine, platform, pools, log }: Deps): Networks {
  const list = (signal: AbortSignal, label?: string): Promise<readonly Network[]> =>
    engine.read(
      'listing networks of Docker',
      NetworkList,
      { method: 'GET', path: '/networks', query: label === undefined ? {} : { filters: { label: [label] } } },
      signal,
    )
  const isOurs = ({ Labels }: Network, app: string): boolean =>
    Labels?.[platformLabel] === platform && Labels[appLabel] === app
  /** Names of containers in it that are not the platform's. */
  const strangersIn = async (id: string, signal: AbortSignal): Promise<string[]> => {
    const looked = { method: 'GET', path: `/networks/${id}` } as const
    const { Containers } = await engine.read('looking at a network', NetworkMembers, looked, signal)
    const filters = { network: [id], label: [ofPlatform(platform)] }
    const ours = { method: 'GET', path: '/containers/json', query: { all: true, filters } } as const
    const own = new Set((await engine.read('listing containers', ContainerList, ours, signal)).map((one) => one.Id))
    return Object.entries(Containers ?? {}).flatMap(([member, { Name }]) => (own.has(member) ? [] : [Name]))
  }
  const known = new Map<string, Promise<string>>()

  const create = async (app: string, signal: AbortSignal): Promise<string> => {
    const name = networkName(app)
    const all = await list(signal)
    const there = all.find(({ Name }) => Name === name)
    if (there && isOurs(there, app)) return name
    if (there) throw new NameTaken(`${app} already exists as a network of this Docker Engine (${name})`)
    const routes = engine.isHere ? routed(await readFile('/proc/net/route', 'utf8').catch(() => '')) : []
    const free = freeSubnets(pools, [...all.flatMap(subnetsOf), ...routes])
    for (let round = 0; round < tries; round++) {
      const { value: subnet } = free.next()
      if (subnet === undefined) break
      try {
        const body = {
          Name: name,
          CheckDuplicate: true,
          Driver: 'bridge',
          IPAM: { Config: [{ Subnet: subnet }] },
          Labels: { [platformLabel]: platform, [appLabel]: app },
          Options: { 'com.docker.network.bridge.name': bridgeName(platform, app) },
        }
        await engine.send(`making a network for ${app}`, { method: 'POST', path: '/networks/create', body }, signal)
        return name
      } catch (error) {
        // Somebody else has just made it, or one with that address.
        if (hasStatus(error, 409)) {
          const [made] = (await list(signal)).filter((one) => one.Name === name)
          if (made && isOurs(made, app)) return name
          throw error
        }
        if (!/overlap|conflicts with network/i.test((error as Error).message)) throw error
      }
    }
    throw new Error(
      `there is no free network for ${app} in ${pools.join(', ')}: set DEIS_DOCKER_SUBNETS to networks that this machine does not use`,
    )
  }

  /** One after the other: two at a time would choose the same addresses again and again. */
  let making: Promise<unknown> = Promise.resolve()
  const createNext = (app: string): Promise<string> => {
    const made = making.then(() => create(app, AbortSignal.timeout(makeMs)))
    making = made.catch(() => {})
    return made
  }

  return {
    ensure(app, signal) {
      // It belongs to all who wait for it: none of them ends it for the others.
      const found = known.get(app) ?? createNext(app)
      known.set(app, found)
      found.catch(() => {
        if (known.get(app) === found) known.delete(app)
      })
      return within(signal, waitMs, () => found)
    },
    doubt: (app) => void known.delete(app),
    async remove(app, signal) {
      known.delete(app)
      for (const { Id, Labels } of await list(signal, ofPlatform(platform))) {
        if (Labels?.[appLabel] !== app) continue
        await engine
          .send(`deleting the network of ${app}`, { method: 'DELETE', path: `/networks/${Id}` }, signal)
          .catch(async (error: unknown) => {
            if (hasStatus(error, 404)) return
            if (!/active endpoints/.test((error as Error).message)) throw error
            const others = await strangersIn(Id, signal)
            if (others.length === 0) throw error
            log('warn', 'the network of an app stays, because containers of others are connected to it', {
              app,
              network: networkName(app),
              containers: others,
            })
          })
      }
    },
  }
}
