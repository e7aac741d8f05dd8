// Where do images of builds go on one machine? To a registry that the platform runs as a container, unless the operator has one.
// It has the images of all apps, and the engine fetches whatever a Dockerfile names: it asks for a password that only we have.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { within } from '@deis/lib/within'
import type { Credentials, Registry } from '@deis/ports/registry'
import { parseReference } from '@deis/registry/reference'
import { hash } from 'bcryptjs'
import { type Static, Type } from 'typebox'
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { Created } from '../engine/objects.ts'
import { hasImage, pullImage } from '../engine/pull.ts'
import { kindLabel, platformLabel } from '../labels.ts'
import { runCommand } from '../scheduler/command.ts'
import type { Networks } from '../scheduler/networks.ts'
import { removeContainer } from '../engine/remove.ts'
import { putFiles } from './files.ts'
import { registryName, registryNetwork } from './names.ts'
import { ensureVolume } from './volumes.ts'

/** Where images go, as seen from two sides. */
export type Destination = {
  /** `host[:port]` for the engine and the controller; artifacts are recorded with it. */
  readonly outside: string
  /** The same for the steps of a build. */
  readonly inside: string
  readonly organization: string
  /** The network that steps reach it by; null: that of their build. */
  readonly network: string | null
  /** Of the platform's own registry, by its names; the operator's are among the settings. Not for code of users. */
  readonly credentials: Readonly<Record<string, Credentials>>
}

export type OwnRegistry = {
  /** Runs when this resolves. @throws Error with what to do, PullFailure, EngineError */
  ensure(signal: AbortSignal): Promise<Destination>
  /** Whether it was ever needed. */
  isThere(signal: AbortSignal): Promise<boolean>
  /** Frees the space of images that were deleted. Nobody may push meanwhile. */
  collect(signal: AbortSignal): Promise<void>
  readonly outside: string
  /** What it is run from. */
  readonly image: string
  /** By `outside`. */
  readonly credentials: Readonly<Record<string, Credentials>>
}

type Deps = {
  readonly engine: Engine
  readonly platform: string
  readonly networks: Networks
  /** Such as `registry:3`. */
  readonly image: string
  /** On loopback: images are recorded with it, so it stays the same. */
  readonly port: number
  /** Of this installation, and the same in all of its controllers; at most 72 bytes. */
  readonly password: string
}

const innerPort = 5000
const folder = '/var/lib/registry'
/** Of registry:3; an image's command names its own. */
const usualConfig = '/etc/distribution/config.yml'
const accountFile = '/auth/htpasswd'
const username = 'deis'
/** By which a registry without this account is known, such as one from before it had any. */
const accountLabel = 'io.deis.registry-account'
/** The registry checks it with every request, and nobody guesses a password of 256 bits. */
const bcryptRounds = 4
const tries = 100
const pauseMs = 100
const answerMs = 2000

const startMs = 10 * 60_000

const Bound = Type.Object({
  Id: Type.String(),
  Config: Type.Object({
    Labels: Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()])),
    Cmd: Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
  }),
  State: Type.Object({ Running: Type.Boolean() }),
  HostConfig: Type.Object({
    PortBindings: Type.Optional(
      Type.Union([Type.Record(Type.String(), Type.Array(Type.Object({ HostPort: Type.String() }))), Type.Null()]),
    ),
  }),
  NetworkSettings: Type.Object({
    Networks: Type.Record(Type.String(), Type.Object({ IPAddress: Type.Optional(Type.String()) })),
  }),
})
type Bound = Static<typeof Bound>

/** As the engine and the controller name it. */
export const ownHost = (port: number): string => `127.0.0.1:${port}`

/** For the client of the registry and for pulls of pods. */
export const ownCredentials = (port: number, password: string): Readonly<Record<string, Credentials>> => ({
  [ownHost(port)]: { username, password },
})

/** The account of an app without a host of its own is for any registry, but for the platform's: that knows one account only. */
export const withOwnAccount = (registry: Registry, host: string): Registry => ({
  ...registry,
  inspect: (image, credentials, signal) =>
    registry.inspect(image, parseReference(image).host === host ? null : credentials, signal),
})

export function openOwnRegistry({ engine, platform, networks, image, port, password }: Deps): OwnRegistry {
  const name = registryName(platform)
  const outside = ownHost(port)
  const account = createHash('sha256').update(`${username}:${password}`).digest('hex').slice(0, 16)
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const labels = { [platformLabel]: platform, [kindLabel]: 'registry' }
  const path = `/containers/${name}`

  const find = (signal: AbortSignal): Promise<Bound | null> =>
    engine
      .read('looking at the registry', Bound, { method: 'GET', path: `${path}/json` }, signal)
      .catch((error: unknown) => {
        if (hasStatus(error, 404)) return null
        throw error
      })
  /** One with another port or account, or in a network that is gone, is made again; images are in its volume. */
  const isUsable = ({ Config, HostConfig, NetworkSettings }: Bound, network: string): boolean =>
    Config.Labels?.[accountLabel] === account &&
    HostConfig.PortBindings?.[`${innerPort}/tcp`]?.[0]?.HostPort === String(port) &&
    NetworkSettings.Networks[network] !== undefined

  const create = async (network: string, signal: AbortSignal): Promise<void> => {
    if (!(await hasImage(engine, image, signal))) await pullImage(engine, image, null, signal)
    await ensureVolume(engine, name, labels, signal)
    const body = {
      Image: image,
      Env: [
        'REGISTRY_STORAGE_DELETE_ENABLED=true',
        'OTEL_TRACES_EXPORTER=none',
        'REGISTRY_AUTH=htpasswd',
        'REGISTRY_AUTH_HTPASSWD_REALM=deis',
        `REGISTRY_AUTH_HTPASSWD_PATH=${accountFile}`,
      ],
      Labels: { ...labels, [accountLabel]: account },
      ExposedPorts: { [`${innerPort}/tcp`]: {} },
      HostConfig: {
        // It is there again after a restart of the engine, also when the controller is not.
        RestartPolicy: { Name: 'unless-stopped' },
        LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '3' } },
        NetworkMode: network,
        PortBindings: { [`${innerPort}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
        Mounts: [{ Type: 'volume', Source: name, Target: folder }],
        SecurityOpt: ['no-new-privileges=true'],
        CapDrop: ['ALL'],
      },
    }
    await engine.read(
      'creating the registry',
      Created,
      { method: 'POST', path: '/containers/create', query: { name }, body },
      signal,
    )
  }

  /** A registry that starts without this file makes an account up. */
  const putAccount = async (signal: AbortSignal): Promise<void> => {
    const path = accountFile.slice(1)
    const given = [
      { path: path.slice(0, path.indexOf('/')), mode: 0o700, from: null },
      { path, mode: 0o600, from: `${username}:${await hash(password, bcryptRounds)}\n` },
    ]
    await putFiles(engine, name, given, 0, signal)
  }

  /** A port that is published takes connections also while nothing listens in the container. */
  const answers = (signal: AbortSignal): Promise<boolean> =>
    within(signal, answerMs, (limit) =>
      fetch(`http://${outside}/v2/`, { headers: { authorization }, signal: limit }),
    ).then(
      async (answer) => {
        await answer.text()
        return answer.ok
      },
      () => false,
    )

  const start = async (signal: AbortSignal): Promise<Destination> => {
    const network = await networks.ensure(registryNetwork(platform), signal)
    const bound = await find(signal)
    if (bound && bound.Config.Labels?.[platformLabel] !== platform)
      throw new Error(`the container ${name} is not the registry of this platform: delete or rename it`)
    const isThere = bound !== null && isUsable(bound, network)
    if (!isThere) {
      if (bound) await removeContainer(engine, bound.Id)
      await create(network, signal)
    }
    // Also where a controller was killed before it came to this.
    if (!isThere || !bound.State.Running) await putAccount(signal)
    await engine.send('starting the registry', { method: 'POST', path: `${path}/start` }, signal)
    await untilAnswering(signal)
    const address = (await find(signal))?.NetworkSettings.Networks[network]?.IPAddress ?? ''
    const inside = `${address}:${innerPort}`
    const own = { username, password }
    return { outside, inside, organization: '', network, credentials: { [outside]: own, [inside]: own } }
  }

  const untilAnswering = async (signal: AbortSignal): Promise<void> => {
    for (let left = tries; !(await answers(signal)); left--) {
      signal.throwIfAborted()
      if (left === 0)
        throw new Error(`the registry of the platform does not answer at ${outside}: see docker logs ${name}`)
      await sleep(pauseMs, undefined, { signal })
    }
  }

  let starting: Promise<Destination> | null = null
  return {
    outside,
    image,
    credentials: ownCredentials(port, password),
    isThere: async (signal) => (await find(signal)) !== null,
    async collect(signal) {
      const bound = await find(signal)
      if (bound?.Config.Labels?.[platformLabel] !== platform) return
      const config = bound.Config.Cmd?.findLast((word) => /\.ya?ml$/.test(word)) ?? usualConfig
      await engine.send('starting the registry', { method: 'POST', path: `${path}/start` }, signal)
      const { code, text } = await runCommand(engine, bound.Id, ['registry', 'garbage-collect', config], signal)
      if (code !== 0) throw new Error(`the registry of the platform could not free what was deleted: ${text}`)
      // It remembers which layers it has: those that are gone would be missing in the next image.
      await engine.send('restarting the registry', { method: 'POST', path: `${path}/restart`, query: { t: 5 } }, signal)
      await untilAnswering(signal)
    },
    // Builds that begin together start it once.
    ensure(signal) {
      const started = (starting ??= start(AbortSignal.timeout(startMs)).finally(() => {
        starting = null
      }))
      return within(signal, startMs, () => started)
    },
  }
}
