// Which Docker Engine is it, and which version of its API is spoken?
import { basename } from 'node:path'
import { type Static, Type } from 'typebox'
import { type Client, createClient, type EngineHost } from './client.ts'
import { type Info, infoOf, Version } from './objects.ts'

export type Engine = Client & {
  readonly api: string
  readonly version: string
  /** As it was when the engine was opened. */
  readonly info: Info
  /** It can put a process in front that reaps orphans and passes signals on. */
  readonly init: boolean
  /** BuildKit is part of every engine from 20.10 on, unless its settings switch it off. */
  readonly buildKit: boolean
  /** Whether containers can be reached by their address: it runs on this machine, as root, and not in a virtual machine. */
  readonly isHere: boolean
  /** How long the pull of an image may take. */
  readonly pullMs: number
  readonly acquaintance: Acquaintance
}

/** `tried`: the tests of this backend ran on such a one; `newer`: than any whose API was read. */
export type Acquaintance = 'tried' | 'untried' | 'newer'

type Options = EngineHost & { readonly pullSeconds?: number }

/** 20.10, as Debian 12 has it. */
const oldest = [1, 41] as const
/** What was read; a newer engine speaks this, too. */
const newest = [1, 51] as const

type Pair = readonly [number, number]
const isBefore = (one: Pair, other: Pair): boolean => one[0] < other[0] || (one[0] === other[0] && one[1] < other[1])

function pairOf(text: string): Pair {
  const [, major = '0', minor = '0'] = /^(\d{1,3})\.(\d{1,4})$/.exec(text) ?? []
  return [Number(major), Number(minor)]
}

/** @throws for an engine that cannot be used. */
export function chooseApi({ ApiVersion, MinAPIVersion = '1.24', Components = [] }: Static<typeof Version>): string {
  if (Components.some(({ Name }) => /podman/i.test(Name)))
    throw new Error(
      'Podman is not supported: when several containers start and stop at once, its API is silent for tens of seconds (tried with 4.3.1). Set DEIS_DOCKER_HOST to the socket of a Docker Engine.',
    )
  const highest = pairOf(ApiVersion)
  if (isBefore(highest, oldest))
    throw new Error(`This Docker Engine is too old: its API is ${ApiVersion}, and 1.41 (20.10) is needed. Update it.`)
  const chosen = isBefore(highest, newest) ? highest : newest
  if (isBefore(chosen, pairOf(MinAPIVersion)))
    throw new Error(`This Docker Engine is too new: it needs at least API ${MinAPIVersion}, and 1.51 is spoken here.`)
  return chosen.join('.')
}

/** All tests of this backend ran on these. */
const triedVersions = /^(?:20\.10|28\.5)\./

export function acquaintanceOf({ Version: version, ApiVersion }: Static<typeof Version>): Acquaintance {
  if (isBefore(newest, pairOf(ApiVersion))) return 'newer'
  return triedVersions.test(version) ? 'tried' : 'untried'
}

/** An engine names its init program also when that is not installed, but tells its version only if it runs. */
export const hasInit = ({ InitBinary }: Info, { Components = [] }: Static<typeof Version>): boolean =>
  InitBinary !== '' && (Components.length === 0 || Components.some(({ Name }) => Name === basename(InitBinary)))

/** @throws when there is no engine that can be used, with what to do. */
export async function openEngine({ pullSeconds = 3600, ...where }: Options, signal: AbortSignal): Promise<Engine> {
  const client = createClient(where)
  const version = await client
    .read('finding out the version of Docker', Version, { method: 'GET', path: '/version' }, signal)
    .catch((error: unknown) => {
      throw new Error(
        `${(error as Error).message}. Is it running, and may this user use ${where.host}? See DEIS_DOCKER_HOST; on Linux the user must be in the group "docker".`,
        { cause: error },
      )
    })
  const api = chooseApi(version)
  const speaking = client.speaking(api)
  const ping = await client.stream('asking Docker which builder it has', { method: 'GET', path: '/_ping' }, signal)
  ping.resume()
  const what = 'reading the settings of Docker'
  const info = infoOf(await speaking.read(what, Type.Unknown(), { method: 'GET', path: '/info' }, signal))
  const isHere =
    where.host.startsWith('unix:') &&
    !info.OperatingSystem.includes('Docker Desktop') &&
    !info.SecurityOptions.some((option) => option.includes('rootless'))
  return {
    ...speaking,
    api,
    version: version.Version,
    info,
    init: hasInit(info, version),
    buildKit: ping.headers['builder-version'] !== '1',
    isHere,
    pullMs: pullSeconds * 1000,
    acquaintance: acquaintanceOf(version),
  }
}
