// What did an app and the controller say lately?
import { DeisError, getLogs } from '@deis/types'
import type { Context } from '../../context.ts'
import type { AppOption } from '../../options.ts'

const noLogs = (id: string): string =>
  [
    'There are currently no log messages. Please check the following things:',
    `1) The app was deployed: deis builds:list --all -a ${id}`,
    `2) Its processes run and print something: deis ps -a ${id}`,
    '3) The logger of the platform works: deis doctor',
  ].join('\n')

/** Failures that are not about logs are told as they are. */
const ownFailures = new Set(['unauthenticated', 'forbidden', 'not_found', 'unreachable', 'usage'])

export type LogsOptions = AppOption & { lines?: number }

export async function logs(context: Context, { app, lines = 0 }: LogsOptions): Promise<void> {
  const { io } = context
  const id = await context.app(app)
  const query = lines > 0 ? { log_lines: String(lines) } : {}
  const text = await context.call(getLogs, { params: { id }, query }).catch((error: unknown) => {
    if (error instanceof DeisError && !ownFailures.has(error.code))
      throw new DeisError(error.code, noLogs(id), { hint: `The controller says: ${error.message}`, cause: error })
    throw error
  })
  if (text.length < 3) throw new DeisError('not_found', noLogs(id))
  const isColoured = io.isTty.stdout && !io.env['NO_COLOR']
  context.answer(text, isColoured ? (await import('../../logs.ts')).colouredLog(text) : text)
}
