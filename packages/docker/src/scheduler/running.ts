// How is a container created, started, found again, waited for and removed?
import { setTimeout as sleep } from 'node:timers/promises'
import { logSource } from '@deis/ports/names'
import type { Credentials } from '@deis/ports/registry'
import { canonicalHost, parseReference } from '@deis/registry/reference'
import { unlessAborted } from '@deis/lib/wait'
import { hasStatus, isAway } from '../engine/error.ts'
import { createContainer as create } from '../engine/create.ts'
import { Container, Waited } from '../engine/objects.ts'
import { hasImage, pullImage, PullFailure } from '../engine/pull.ts'
import { removeContainer } from '../engine/remove.ts'
import type { Engine } from '../engine/engine.ts'
import type { Backend } from './backend.ts'
import { containerBody, type ContainerParts, isUnenforced } from './container.ts'
import { followContainer, type Follower } from './logs.ts'
import type { Ended, Pod, Running, Spec } from './pod.ts'

const never = new AbortController().signal
const retryMs = 500
const createTries = 3

/** What a session prints is for the one who opened it. */
const silent: Follower = { ended: Promise.resolve(), last: () => [], stop: async () => {} }

/** A limit that this machine does not enforce is not set. */
export class Unenforced extends Error {}

/** Pure: whose account pulls the image? Without a hostname the app's own is for the image's registry, unless that is the platform's. */
export function credentialsFor(
  { artifact, registry }: Pick<Spec, 'artifact' | 'registry'>,
  ofPlatform: Readonly<Record<string, Credentials>>,
): Credentials | null {
  if (artifact.kind !== 'image' || artifact.reference.startsWith('sha256:')) return null
  const { host } = parseReference(artifact.reference)
  const { username, password = '', hostname } = registry
  const own = username === undefined ? null : { username, password }
  if (hostname !== undefined && canonicalHost(hostname) === host) return own ?? ofPlatform[host] ?? null
  return ofPlatform[host] ?? (hostname === undefined ? own : null)
}

/** @throws PullFailure */
export async function ensureImage(backend: Backend, spec: Spec, signal: AbortSignal): Promise<void> {
  const { engine } = backend.options
  if (spec.artifact.kind !== 'image') return
  const { reference } = spec.artifact
  // What a digest names does not change: it is pulled again only where it is missing.
  if (await hasImage(engine, reference, signal)) return
  if (spec.pullPolicy === 'Never')
    throw new PullFailure(
      `the image ${reference} is not in this Docker Engine, and IMAGE_PULL_POLICY is Never`,
      'deis config:unset IMAGE_PULL_POLICY',
    )
  await pullImage(engine, reference, credentialsFor(spec, backend.options.registryCredentials), signal)
}

export async function inspect(engine: Engine, id: string, signal: AbortSignal): Promise<Container | null> {
  try {
    return await engine.read(
      'looking at a container',
      Container,
      { method: 'GET', path: `/containers/${id}/json` },
      signal,
    )
  } catch (error) {
    if (hasStatus(error, 404)) return null
    throw error
  }
}

/** Resolves when the container does not run any more, or not as it did. While the engine is away, nothing is known. */
async function untilEnded(
  engine: Engine,
  { Id: id, State: { StartedAt } }: Container,
  signal: AbortSignal,
): Promise<Ended> {
  const waiting = { method: 'POST', path: `/containers/${id}/wait`, ms: 0 } as const
  let withEngine = false
  const failed = (error: unknown): void => {
    signal.throwIfAborted()
    withEngine ||= isAway(error)
  }
  for (;;) {
    // The engine that is asked next may be another one: what has become of it is looked at in any case.
    await engine.read('waiting for a container', Waited, waiting, signal).catch(failed)
    try {
      const found = await inspect(engine, id, signal)
      if (!found) return { code: null, outOfMemory: false, error: '' }
      const { Running, ExitCode, OOMKilled, Error: error = '' } = found.State
      if (!Running) return { code: ExitCode, outOfMemory: OOMKilled, error, withEngine: withEngine && !OOMKilled }
      // Its address may be another one.
      if (found.State.StartedAt !== StartedAt) return { code: null, outOfMemory: false, error: '', again: true }
      withEngine = false
    } catch (error) {
      failed(error)
    }
    await sleep(retryMs, undefined, { signal })
  }
}

function addressOf({ NetworkSettings }: Container, network: string): string {
  return NetworkSettings.Networks?.[network]?.IPAddress ?? ''
}

function publishedOf({ NetworkSettings }: Container): Map<number, number> {
  const pairs = Object.entries(NetworkSettings.Ports ?? {}).flatMap(([name, hosts]) => {
    const found = hosts?.find(({ HostIp }) => HostIp === '127.0.0.1')
    return found ? [[Number.parseInt(name, 10), Number(found.HostPort)] as const] : []
  })
  return new Map(pairs)
}

/** Watches a container that was started, or was found. Its lines are stored until it ends. */
export function watchContainer(
  backend: Backend,
  pod: Pod,
  found: Container,
  network: string,
  /** Gets what is printed; null: nothing of it is read or stored. */
  bytes?: ((chunk: Buffer) => boolean) | null,
): Running {
  const { engine, log } = backend.options
  const trouble = (error: unknown): void =>
    log('error', 'output of a container could not be read', { pod: pod.name, err: error })
  const output =
    bytes === null
      ? silent
      : followContainer(
          { engine, log: pod.app.lines, trouble },
          { id: found.Id, source: logSource(pod), ...(bytes ? { bytes } : {}) },
        )
  const exited = untilEnded(engine, found, pod.app.leave.signal)
  // Nobody waits for it any more when the platform stops.
  exited.catch(() => {})
  return {
    id: found.Id,
    started: new Date(found.State.StartedAt),
    address: addressOf(found, network),
    published: publishedOf(found),
    exited,
    output,
  }
}

/** Deletes what has this name, if it is the platform's. @returns false: it is not. */
export async function clearName(engine: Engine, name: string, platform: string, signal: AbortSignal): Promise<boolean> {
  const there = await inspect(engine, name, signal)
  if (!there) return true
  if (there.Config.Labels?.['io.deis.platform'] !== platform) return false
  await removeContainer(engine, there.Id, signal)
  return true
}

/** Creates it; its image is pulled if it is not there. @throws PullFailure, Unenforced, EngineError, DeployFailure */
export async function createContainer(
  backend: Backend,
  spec: Spec,
  parts: ContainerParts,
  signal: AbortSignal,
): Promise<string> {
  const { engine, platform } = backend.options
  const { NCPU: cores, SwapLimit: swap, PidsLimit: pids } = engine.info
  const body = containerBody(parts, { cores, swap, pids, init: engine.init })
  for (let tries = 1; ; tries++) {
    try {
      const { Id, Warnings } = await create(engine, `creating ${parts.name}`, parts.name, body, signal)
      const warning = isUnenforced(Warnings ?? [])
      if (warning === null) return Id
      await removeContainer(engine, Id)
      throw new Unenforced(warning)
    } catch (error) {
      if (tries === createTries) throw error
      if (hasStatus(error, 404)) {
        // Somebody has deleted the image, or the network.
        await ensureImage(backend, spec, signal)
        backend.options.networks.doubt(parts.app)
        await backend.options.networks.ensure(parts.app, signal)
      } else if (!hasStatus(error, 409) || !(await clearName(engine, parts.name, platform, signal))) throw error
    }
  }
}

/** Ports that are asked from here, of a pod and its probes. */
function askedPorts({ port, readiness, liveness }: Spec): number[] {
  const probes = [readiness, liveness].flatMap((probe) => probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? [])
  return [...new Set([...(port === null ? [] : [port]), ...probes])].filter((one) => one > 0 && one < 65_536)
}

/** The body of a pod's next container. */
export async function partsOf(
  backend: Backend,
  pod: Pod,
  spec: Spec,
  more: Pick<ContainerParts, 'kind' | 'session' | 'entrypoint'>,
  signal: AbortSignal,
): Promise<ContainerParts> {
  const { artifact, command, env, memory, cpu, port, readiness } = spec
  return {
    platform: backend.options.platform,
    name: pod.name,
    app: pod.app.id,
    release: pod.release,
    type: pod.type,
    artifact,
    command,
    env,
    ...(memory === undefined ? {} : { memory }),
    ...(cpu === undefined ? {} : { cpu }),
    port: pod.routable ? port : null,
    ...(readiness ? { readiness } : {}),
    published: backend.published ? askedPorts(spec) : [],
    network: await backend.options.networks.ensure(pod.app.id, signal),
    graceSeconds: pod.graceSeconds,
    ...more,
  }
}

/** Starts a container for the pod. @throws like createContainer */
export async function startContainer(
  backend: Backend,
  pod: Pod,
  signal: AbortSignal,
  kind: 'pod' | 'run' = 'pod',
  bytes?: (chunk: Buffer) => boolean,
): Promise<Running> {
  const { engine } = backend.options
  const { spec } = pod
  if (!spec) throw new Error(`${pod.name} is not known yet, since the platform has just started`)
  const parts = await partsOf(backend, pod, spec, { kind, session: null }, signal)
  const id = await createContainer(backend, spec, parts, signal)
  const asked = Date.now()
  try {
    await engine.send(`starting ${pod.name}`, { method: 'POST', path: `/containers/${id}/start` }, signal)
    const found = await inspect(engine, id, signal)
    if (!found) throw new Error(`the container of ${pod.name} was deleted as it started`)
    const running = watchContainer(backend, pod, found, parts.network, bytes)
    // The clock of an engine elsewhere may be another one.
    const started = Math.min(Math.max(running.started.getTime(), asked), Date.now())
    return { ...running, started: new Date(started) }
  } catch (error) {
    // Somebody has deleted the network: the next try makes it again.
    if (hasStatus(error, 404)) backend.options.networks.doubt(parts.app)
    await removeContainer(engine, id).catch(() => {})
    throw error
  }
}

/**
 * Ends a container: its signal to stop, then KILL after the grace.
 * @returns false when `signal` was aborted before that was done; the engine goes on with it.
 */
export async function stopContainer(
  { options: { engine } }: Backend,
  { id, exited, output }: Running,
  graceMs: number,
  signal: AbortSignal = never,
): Promise<boolean> {
  const seconds = Math.max(0, Math.ceil(graceMs / 1000))
  try {
    const call = {
      method: 'POST',
      path: `/containers/${id}/stop`,
      query: { t: seconds },
      ms: graceMs + 60_000,
    } as const
    await engine.send('stopping a container', call, signal)
  } catch (error) {
    if (signal.aborted) return false
    if (!hasStatus(error, 404) && !isAway(error)) throw error
    // With the engine away it is stopped when that is back.
    if (isAway(error)) {
      await unlessAborted(exited, signal)
      if (signal.aborted) return false
    }
  }
  await Promise.race([output.ended, sleep(5000, undefined, { ref: false })])
  await output.stop()
  await removeContainer(engine, id, signal)
  return true
}
