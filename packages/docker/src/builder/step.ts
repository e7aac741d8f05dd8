// How does one container of a build run, what may it see and use, and how did it end?
import { createSplitter } from '@deis/lib/split'
import { demux } from '../engine/demux.ts'
import type { Engine } from '../engine/engine.ts'
import { createContainer } from '../engine/create.ts'
import { Container, Waited } from '../engine/objects.ts'
import { isUnenforced } from '../scheduler/container.ts'
import { removeContainer } from '../engine/remove.ts'
import type { DockerBuilderOptions } from './options.ts'
import { resourcesOf } from './resources.ts'

type BuildLimits = DockerBuilderOptions['limits']

export type StepContainer = {
  readonly name: string
  readonly image: string
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** `uid:gid` */
  readonly user: string
  /** The folder where each volume is, by its name. */
  readonly volumes: Readonly<Record<string, string>>
  /** `none`, or the name of a network. */
  readonly network: string
  readonly labels: Readonly<Record<string, string>>
}

export type Ended = {
  readonly code: number
  /** The kernel killed something in it for its memory. */
  readonly outOfMemory: boolean
}

const maxLine = 64 * 1024

/** Pure: without privileges, the engine's socket or a port. */
export function stepBody(
  step: StepContainer,
  limits: BuildLimits,
  { info, init }: Pick<Engine, 'info' | 'init'>,
): object {
  return {
    Image: step.image,
    Entrypoint: step.command,
    Cmd: [],
    Env: Object.entries(step.env).map(([name, value]) => `${name}=${value}`),
    User: step.user,
    Labels: step.labels,
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      ...resourcesOf(limits, info),
      Init: init,
      RestartPolicy: { Name: 'no' },
      // What it prints is read as it comes, and kept nowhere else.
      LogConfig: { Type: 'none' },
      NetworkMode: step.network,
      Mounts: Object.entries(step.volumes).map(([Source, Target]) => ({ Type: 'volume', Source, Target })),
      SecurityOpt: ['no-new-privileges=true'],
      CapDrop: ['ALL'],
    },
  }
}

/** Created, not started. @throws EngineError; Error when a limit would not be kept. */
export async function createStep(
  engine: Engine,
  step: StepContainer,
  limits: BuildLimits,
  signal: AbortSignal,
): Promise<string> {
  const body = stepBody(step, limits, engine)
  const { Id, Warnings } = await createContainer(engine, 'creating a container of a build', step.name, body, signal)
  const warning = isUnenforced(Warnings ?? [])
  if (warning === null) return Id
  await removeContainer(engine, Id)
  throw new Error(`the Docker Engine does not keep the limits of builds: ${warning}`)
}

/**
 * Starts it, passes on its lines, and deletes it when it has ended, or the signal aborts.
 * `after` may look at it before that.
 */
export async function runStep(
  engine: Engine,
  id: string,
  line: (line: string) => void,
  signal: AbortSignal,
  after: (ended: Ended) => Promise<void> = async () => {},
): Promise<Ended> {
  const path = `/containers/${id}`
  try {
    const socket = await engine.hijack(
      'reading the output of a build',
      { method: 'POST', path: `${path}/attach`, query: { stream: true, stdout: true, stderr: true } },
      signal,
    )
    try {
      await engine.send('starting a container of a build', { method: 'POST', path: `${path}/start` }, signal)
      const splitter = createSplitter(maxLine)
      for await (const { bytes } of demux(socket as AsyncIterable<Buffer>)) splitter.push(bytes).forEach(line)
      splitter.flush().forEach(line)
    } finally {
      socket.destroy()
    }
    await engine.read('waiting for a build', Waited, { method: 'POST', path: `${path}/wait`, ms: 0 }, signal)
    const { State } = await engine.read(
      'looking at a container of a build',
      Container,
      { method: 'GET', path: `${path}/json` },
      signal,
    )
    const ended = { code: State.ExitCode, outOfMemory: State.ExitCode !== 0 && State.OOMKilled }
    await after(ended)
    return ended
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    await removeContainer(engine, id)
  }
}
