// How does a one-off command run without a client that waits for it (docs/contract/api.md §2.4)?
import { DeisError } from '@deis/types'
import type { OneOff } from '@deis/ports/scheduler'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { explain } from '../releases/converge.ts'
import { beginOneOff, type RunningOneOff } from './one-offs.ts'
import { checkedCommand, oneOffOf } from './run.ts'

/** One-off processes of one app, on this controller. Those with a client are bounded by its connections. */
const most = 20

/** The log of an app that is being destroyed is not begun once more. */
async function report(core: Core, app: AppRow, level: 'INFO' | 'ERROR', text: string): Promise<void> {
  const row = await core.db.app.findUnique({ where: { uuid: app.uuid }, select: { destroying: true } })
  if (row && !row.destroying) core.logs.write(app.id, level, text)
}

async function run(core: Core, app: AppRow, oneOff: OneOff, { name, stopped, end }: RunningOneOff): Promise<void> {
  const signal = AbortSignal.any([core.shutdown, stopped])
  try {
    // The scheduler itself logs what it prints.
    const code = await core.scheduler.run(oneOff, { output: () => {}, signal })
    await report(core, app, 'INFO', `${name} ended with exit code ${code}`)
  } catch (error) {
    const why = stopped.aborted
      ? 'was stopped'
      : core.shutdown.aborted
        ? 'was ended, because its controller stopped'
        : `failed: ${explain(error)}`
    await report(core, app, stopped.aborted ? 'INFO' : 'ERROR', `${name} ${why}`)
  } finally {
    end()
  }
}

/** Answers at once; how it ends is in the log of the app. The command may contain secrets and is not logged. */
export async function startDetached(
  core: Core,
  username: string,
  app: AppRow,
  command: unknown,
): Promise<{ name: string; release: string }> {
  const wanted = await oneOffOf(core, app, checkedCommand(command), core.config.runTimeoutSeconds)
  const here = [...core.here.oneOffs.values()].filter((one) => one.app === app.id)
  if (here.length >= most)
    throw new DeisError(
      'throttled',
      `"${app.id}" runs ${here.length} one-off processes, and no more than ${most} may be started without a client. See deis ps.`,
    )
  const running = await beginOneOff(core, app)
  const { name } = running
  core.logs.write(app.id, 'INFO', `${username} runs a command in v${wanted.release} as ${name}`)
  run(core, app, { ...wanted, name }, running).catch((error: unknown) =>
    core.log.error({ app: app.id, err: error }, 'the end of a one-off process could not be logged'),
  )
  return { name, release: `v${wanted.release}` }
}
