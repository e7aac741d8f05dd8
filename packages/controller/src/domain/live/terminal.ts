// How is a session opened: in a pod of its own, or in one that runs?
import { DeisError, type SessionSignal, type TerminalSize, type TerminalStart } from '@deis/types'
import { NoSuchPod, type Session, type SessionIo, SessionRefused } from '@deis/ports/scheduler'
import type { Core } from '../core.ts'
import { explain } from '../releases/converge.ts'
import { beginOneOff } from './one-offs.ts'
import type { AppRow } from '../apps/rows.ts'
import { checkedCommand, oneOffOf } from './run.ts'

export type OpenSession = {
  readonly pod: string
  /** `v3` */
  readonly release: string
  /** Rejects with a DeisError. */
  readonly exited: Promise<number>
  resize(size: TerminalSize): void
  kill(name: SessionSignal): Promise<void>
}

type Opened = { readonly session: Session; readonly release: string }
type Asked = Pick<TerminalStart, 'command' | 'pod'>

/** The error of a session that did not end by itself. */
function failure(core: Core, what: string, error: unknown): DeisError {
  if (error instanceof DeisError) return error
  if (error instanceof NoSuchPod) return new DeisError('not_found', error.message, { cause: error })
  if (error instanceof SessionRefused) return new DeisError('unprocessable', error.message, { cause: error })
  if (error instanceof Error && error.name === 'TimeoutError')
    return new DeisError(
      'unavailable',
      `${what}: the session was ended after ${core.config.sessionTimeoutSeconds} s, the limit of this platform (DEIS_SESSION_TIMEOUT).`,
      { cause: error },
    )
  return new DeisError('unavailable', `${what}: ${explain(error)}`, { cause: error })
}

async function openOneOff(core: Core, username: string, app: AppRow, asked: Asked, io: SessionIo): Promise<Opened> {
  const oneOff = await oneOffOf(core, app, checkedCommand(asked.command), core.config.sessionTimeoutSeconds)
  const release = `v${oneOff.release}`
  core.logs.write(app.id, 'INFO', `${username} opens a session in ${release}`)
  const { name, stopped, end } = await beginOneOff(core, app)
  try {
    const signal = AbortSignal.any([io.signal, stopped])
    const session = await core.scheduler.open({ ...oneOff, name }, { ...io, signal })
    const exited = session.exited.finally(end)
    return { session: { ...session, exited }, release }
  } catch (error) {
    end()
    throw error
  }
}

/** The scheduler is only asked for pods that it reports for the app itself. */
async function openInPod(
  core: Core,
  username: string,
  app: AppRow,
  asked: Asked & { readonly pod: string },
  io: SessionIo,
): Promise<Opened> {
  const command = checkedCommand(asked.command)
  const pod = (await core.scheduler.observe(app.id)).find(({ name }) => name === asked.pod)
  if (!pod) throw new DeisError('not_found', `"${app.id}" has no process "${asked.pod}".`)
  if (pod.state !== 'up') throw new DeisError('conflict', `Process "${pod.name}" is not up. Its state is ${pod.state}.`)
  core.logs.write(app.id, 'INFO', `${username} opens a session in process ${pod.name}`)
  const session = await core.scheduler.exec({ app: app.id, pod: pod.name, command }, io)
  return { session, release: `v${pod.release}` }
}

/** Resolves when the command runs. Neither the command nor its input is logged: they may contain secrets. */
export async function openSession(
  core: Core,
  username: string,
  app: AppRow,
  asked: Asked,
  io: SessionIo,
): Promise<OpenSession> {
  const { pod } = asked
  const what = pod === undefined ? `${app.id}-run (run)` : `${pod} (exec)`
  const limit = new AbortController()
  const late = setTimeout(() => {
    limit.abort(new DOMException('The session took too long.', 'TimeoutError'))
  }, core.config.sessionTimeoutSeconds * 1000)
  const within: SessionIo = { ...io, signal: AbortSignal.any([io.signal, limit.signal, core.shutdown]) }
  try {
    const { session, release } = await (pod === undefined
      ? openOneOff(core, username, app, asked, within)
      : openInPod(core, username, app, { ...asked, pod }, within))
    const exited = session.exited
      .catch((error: unknown) => {
        throw failure(core, what, error)
      })
      .finally(() => clearTimeout(late))
    return {
      pod: session.pod,
      release,
      exited,
      resize: (size) => session.resize(size),
      kill: (name) => session.kill(name),
    }
  } catch (error) {
    clearTimeout(late)
    throw failure(core, what, error)
  }
}
