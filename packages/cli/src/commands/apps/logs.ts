// How are the logs of an app shown and followed?
import { Command } from 'commander'
import { DeisError, getLogs } from '@deis/types'
import { live, type Live } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption, integer } from '../../parse/options.ts'
import { isColourful, note } from '../../terminal/output.ts'

const noLogs = (id: string): string =>
  [
    'There are currently no log messages. Please check the following things:',
    `1) Was the app deployed? deis builds:list --all -a ${id}`,
    `2) Do its processes run? deis ps -a ${id}`,
    '3) Does the logger of the platform work? deis doctor',
  ].join('\n')

/** Failures that are not about logs are reported unchanged. */
const ownFailures = new Set(['unauthenticated', 'forbidden', 'not_found', 'unreachable', 'usage'])

/** How many lines are read again after the connection was lost, to include those of the meantime. */
const rereadLines = 5_000

type LogsOptions = AppOption & { readonly lines?: number; readonly follow?: boolean; readonly ptype?: string }
type Query = { readonly log_lines?: string; readonly type?: string }

async function colourOf({ io }: Context): Promise<(text: string) => string> {
  if (!isColourful(io)) return (text) => text
  return (await import('../../terminal/colours.ts')).colouredLog
}

async function showLogs(context: Context, id: string, query: Query): Promise<void> {
  const text = await context.call(getLogs, { params: { id }, query }).catch((error: unknown) => {
    if (error instanceof DeisError && !ownFailures.has(error.code))
      throw new DeisError(error.code, noLogs(id), { hint: `The controller answered: ${error.message}`, cause: error })
    throw error
  })
  if (text.length < 3 && query.log_lines === '0') return
  if (text.length < 3) throw new DeisError('not_found', noLogs(id))
  const colour = await colourOf(context)
  context.answer(text, colour(text))
}

async function followLogs(context: Context, id: string, query: Query): Promise<void> {
  if (context.json)
    throw new DeisError('usage', '--json cannot be combined with --follow.', {
      hint: 'Run it without one of them.',
    })
  const [{ follow }, { createResume }, colour] = await Promise.all([
    import('../../http/follow.ts'),
    import('@deis/lib/resume'),
    colourOf(context),
  ])
  const resume = createResume(rereadLines)
  let wasOpen = false
  const open = (more: Query): Promise<Live> => {
    const given = { params: { id }, query: { ...query, ...more, follow: '1' } }
    return context.connected((connection) => live(context.wire, connection, getLogs, given))
  }
  try {
    await follow(context, {
      async open(isAgain) {
        if (isAgain) resume.again()
        const answer = await open(isAgain ? { log_lines: String(rereadLines) } : {})
        // Where no line was asked for, none tells from when on lines are new.
        if (!isAgain && query.log_lines === '0') resume.since(answer.began)
        wasOpen = true
        return answer
      },
      // An empty line only keeps the connection open.
      take(line) {
        if (line.trim() === '') return null
        return resume.isNew(line) ? colour(line) : null
      },
      // The controller stopped, or the app is gone: the next request shows which.
      isOver: async () => false,
      cannot() {
        throw new DeisError('unavailable', 'This controller cannot follow logs.', {
          hint: 'The lines above are the latest. Run it again without --follow.',
        })
      },
    })
  } catch (error) {
    if (!wasOpen || !(error instanceof DeisError) || error.code !== 'not_found') throw error
    note(context.io, `"${id}" was destroyed.`)
  }
}

async function logs(context: Context, options: LogsOptions): Promise<void> {
  const { lines = -1, ptype } = options
  const id = await context.app(options.app)
  const query = {
    ...(lines >= 0 ? { log_lines: String(lines) } : {}),
    ...(ptype === undefined ? {} : { type: ptype }),
  }
  await (options.follow ? followLogs : showLogs)(context, id, query)
}

export function logsCommand(context: Context): Command {
  return new Command('apps:logs')
    .description('show the latest log lines of an app, and with -f follow them')
    .addOption(appOption())
    .option('-n, --lines <lines>', 'number of lines to show; with -f, 0 shows only those to come', integer)
    .option('-f, --follow', 'follow new lines, across releases and restarts, until Ctrl-C')
    .option('--ptype <type>', 'show only lines of this process type')
    .action((options: LogsOptions) => logs(context, options))
}
