// How does a session run its command, in a container of its own or in one that is up?
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { killedCode } from '@deis/container/end-marker'
import host from '@deis/container/programs/session-host.sh'
import { handshakeArguments, type Launch, newSessionTokens } from '@deis/container/session/handshake'
import { runSession, type Wiring, withSignal } from '@deis/container/session/session'
import { endSession, type SessionTarget } from '@deis/container/session/signal'
import type { SessionSocket, Take } from '@deis/container/session/socket'
import { type Artifact, NoSuchPod, type OneOff, type SessionIo } from '@deis/ports/scheduler'
import type { Started } from '@deis/ports/started'
import type { Engine } from '../engine/engine.ts'
import { hasStatus } from '../engine/error.ts'
import { sessionSocket } from '../engine/socket.ts'
import type { Backend } from './backend.ts'
import { createExec, execCode, runCommand } from './command.ts'
import { endedText } from './diagnose.ts'
import type { Pod, Running } from './pod.ts'
import { createContainer, inspect, partsOf, watchContainer } from './running.ts'
import { removeContainer } from '../engine/remove.ts'
import { inOneOff } from './run.ts'

/** Detach keys would take Ctrl-P from the command: these are pressed by nobody. */
const detachKeys = 'ctrl-@,ctrl-@,ctrl-@'

/** How much later than the end of its output the end of a container may be known. */
const endLagMs = 5_000

/** What comes in place of the output when there is no shell: of the engine, or of the init process that it puts in front. */
const refusal = /OCI runtime exec failed.*|exec \/bin\/sh failed.*/
const longestRefusal = 500

/** `message`: why nothing was started, if that was said. */
function noticing(take: Take): { readonly take: Take; message(): string } {
  let begun = ''
  return {
    take(channel, chunk) {
      if (begun.length < longestRefusal) begun += chunk.toString()
      return take(channel, chunk)
    },
    message: () => refusal.exec(begun)?.[0] ?? '',
  }
}

const launchOf = (artifact: Artifact): Launch =>
  artifact.kind === 'image' && artifact.launcher !== 'none' ? artifact.launcher : 'shell'

const targetIn = (engine: Engine, pod: string, container: string, session: string): SessionTarget => ({
  pod,
  session,
  async exec(command, signal) {
    const { code, text } = await runCommand(engine, container, command, signal)
    // The program ends its line.
    return { printed: code === 0 ? `${text}\n` : text, message: code === 0 ? '' : text }
  },
  // 409: it does not run.
  isGone: (error) => hasStatus(error, 404, 409),
})

const resizeCall = (path: string, { Width, Height }: { readonly Width: number; readonly Height: number }) =>
  ({ method: 'POST', path: `${path}/resize`, query: { w: Width, h: Height } }) as const

/** A container for the command, attached to before it starts: nothing of its output is missed. */
async function attachNew(
  backend: Backend,
  pod: Pod,
  io: SessionIo,
  words: readonly string[],
  signal: AbortSignal,
): Promise<{ socket: Duplex; container: Running }> {
  const { engine } = backend.options
  const { spec } = pod
  if (!spec) throw new Error(`${pod.name} has nothing to run`)
  const session = io.terminal ? 'terminal' : 'pipe'
  const parts = await partsOf(backend, pod, spec, { kind: 'run', session, entrypoint: words }, signal)
  const id = await createContainer(backend, spec, parts, signal)
  try {
    const query = { stream: true, stdin: true, stdout: true, stderr: true, detachKeys }
    const call = { method: 'POST', path: `/containers/${id}/attach`, query } as const
    const socket = await engine.hijack('attaching to a container', call, signal)
    socket.on('error', () => {})
    await engine.send(`starting ${pod.name}`, { method: 'POST', path: `/containers/${id}/start` }, signal)
    const found = await inspect(engine, id, signal)
    if (!found) throw new Error(`the container of ${pod.name} was deleted as it started`)
    return { socket, container: watchContainer(backend, pod, found, parts.network, null) }
  } catch (error) {
    await removeContainer(engine, id).catch(() => {})
    throw error
  }
}

export function openSession(
  backend: Backend,
  oneOff: OneOff,
  io: SessionIo,
  signal: AbortSignal,
  started: (session: Started) => void,
): Promise<number> {
  const { engine } = backend.options
  return inOneOff(backend, oneOff, signal, async (pod, stop) => {
    const tokens = newSessionTokens()
    const { command } = oneOff
    const begin = handshakeArguments(tokens, { launch: launchOf(oneOff.artifact), command }, io)
    const words = ['/bin/sh', '-c', host, 'deis', tokens.markers.end, ...begin]
    const { socket, container } = await attachNew(backend, pod, io, words, stop)
    pod.container = container
    pod.state = 'up'
    backend.changed(pod.app.id)
    const { id, exited } = container
    const dial = async (take: Take, lost: AbortSignal): Promise<SessionSocket> => {
      const noticed = noticing(take)
      return sessionSocket(
        {
          socket,
          tty: io.terminal !== null,
          take: noticed.take,
          resize: (size) => engine.send('resizing a terminal', resizeCall(`/containers/${id}`, size), lost),
          outcome: async () => ({ code: null, message: noticed.message() }),
        },
        lost,
      )
    }
    const wiring: Wiring = {
      target: targetIn(engine, pod.name, id, tokens.session),
      markers: tokens.markers,
      marksEnd: true,
      dial,
      dialInput: null,
      podEnd: exited,
      async exitCode(outcome) {
        const code = outcome?.code ?? null
        if (code !== null && code !== killedCode) return code
        const ended = await Promise.race([exited, sleep(endLagMs, undefined, { ref: false })])
        // It may run on, for nobody: the caller ends it.
        if (!ended) throw new Error(`the connection to the command in ${pod.name} was lost`)
        if (ended.code === null) throw new Error(`the container ${pod.name} ${endedText(ended)} while its command ran`)
        if (ended.outOfMemory)
          await io.output(
            io.terminal ? 'stdout' : 'stderr',
            Buffer.from('\r\nThe command needed more memory than its limit (OOMKilled).\r\n'),
          )
        return code ?? ended.code
      },
      explain: (error) => error,
      abandon: async () => {},
    }
    return runSession(wiring, withSignal(io, stop), started)
  })
}

export async function execSession(
  backend: Backend,
  wanted: { readonly app: string; readonly pod: string; readonly command: string },
  io: SessionIo,
  signal: AbortSignal,
  started: (session: Started) => void,
): Promise<number> {
  const { engine, log } = backend.options
  const pod = backend.apps.get(wanted.app)?.pods.get(wanted.pod)
  const container = pod?.container
  if (!pod || !container || pod.state !== 'up')
    throw new NoSuchPod(`"${wanted.app}" has no running process "${wanted.pod}"`)
  const tokens = newSessionTokens()
  const tty = io.terminal !== null
  const launch = pod.spec ? launchOf(pod.spec.artifact) : 'either'
  const words = handshakeArguments(tokens, { launch, command: wanted.command }, io)
  const target = targetIn(engine, pod.name, container.id, tokens.session)
  const stop = AbortSignal.any([signal, pod.gone.signal])
  let exec = ''
  const gone = (error: unknown): never => {
    if (hasStatus(error, 404, 409)) throw new NoSuchPod(`the pod ${pod.name} has ended`, { cause: error })
    throw error
  }
  const dial = async (take: Take, lost: AbortSignal): Promise<SessionSocket> => {
    const body = {
      Cmd: ['sh', '-c', ...words],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: tty,
      DetachKeys: detachKeys,
    }
    exec = await createExec(engine, container.id, body, lost).catch(gone)
    const call = { method: 'POST', path: `/exec/${exec}/start`, body: { Detach: false, Tty: tty } } as const
    const socket = await engine.hijack('running a command in a container', call, lost).catch(gone)
    const noticed = noticing(take)
    return sessionSocket(
      {
        socket,
        tty,
        take: noticed.take,
        resize: (size) => engine.send('resizing a terminal', resizeCall(`/exec/${exec}`, size), lost),
        outcome: async () => ({ code: await execCode(engine, exec, lost), message: noticed.message() }),
      },
      lost,
    )
  }
  const wiring: Wiring = {
    target,
    markers: tokens.markers,
    marksEnd: false,
    dial,
    dialInput: null,
    podEnd: container.exited,
    async exitCode(outcome) {
      const code = outcome?.code ?? null
      const now = await inspect(engine, container.id, signal)
      if ((code === null || code > 128) && !now?.State.Running)
        throw new Error(`the pod ${pod.name} went away while the command ran`)
      if (code === null) throw new Error(`the connection to the command in ${pod.name} was lost`)
      return code
    },
    explain: (error) => error,
    // The engine itself would leave the command running.
    abandon: (left) =>
      endSession(target, left).catch((error: unknown) =>
        log('warn', 'a command in a container may still run', { app: wanted.app, pod: pod.name, err: error }),
      ),
  }
  return runSession(wiring, withSignal(io, stop), started)
}
