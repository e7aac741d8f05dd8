// What did an app and the controller say lately, and what do they say from now on?
import { Command } from 'commander'
import { DeisError, getLogs } from '@deis/types'
import { live, type Live } from '../../http/client.ts'
import type { Context } from '../../profile/context.ts'
import { type AppOption, appOption, integer } from '../../parse/options.ts'
import { isColourful, note } from '../../terminal/output.ts'

const noLogs = (id: string): string =>
  [
    'There are currently no log messages. Please check the following things:',
    `1) The app was deployed: deis builds:list --all -a ${id}`,
    `2) Its processes run and print something: deis ps -a ${id}`,
    '3) The logger of the platform works: deis doctor',
  ].join('\n')

/** Failures that are not about logs are told as they are. */
const ownFailures = new Set(['unauthenticated', 'forbidden', 'not_found', 'unreachable', 'usage'])

/** How far back a log is read again after the connection broke: what was said meanwhile should be in it. */
const lookedBack = 5_000

type LogsOptions = AppOption & { readonly lines?: number; readonly follow?: boolean; readonly ptype?: string }
type Query = { readonly log_lines?: string; readonly type?: string }

async function colourOf({ io }: Context): Promise<(text: string) => string> {
  if (!isColourful(io)) return (text) => text
  return (await import('../../terminal/colours.ts')).colouredLog
}

async function lately(context: Context, id: string, query: Query): Promise<void> {
  const text = await context.call(getLogs, { params: { id }, query }).catch((error: unknown) => {
    if (error instanceof DeisError && !ownFailures.has(error.code))
      throw new DeisError(error.code, noLogs(id), { hint: `The controller says: ${error.message}`, cause: error })
    throw error
  })
  if (text.length < 3) throw new DeisError('not_found', noLogs(id))
  const colour = await colourOf(context)
  context.answer(text, colour(text))
}

async function fromNowOn(context: Context, id: string, query: Query): Promise<void> {
  if (context.json)
    throw new DeisError('usage', '--json answers one value, and what is followed has no end.', {
      hint: 'Leave out one of --json and --follow.',
    })
  const [{ follow }, { createResume }, colour] = await Promise.all([
    import('../../http/follow.ts'),
    import('../../http/resume.ts'),
    colourOf(context),
  ])
  const resume = createResume()
  let isThere = false
  const open = (more: Query): Promise<Live> => {
    const given = { params: { id }, query: { ...query, ...more, follow: '1' } }
    return context.connected((connection) => live(context.wire, connection, getLogs, given))
  }
  try {
    await follow(context, {
      async open(isAgain) {
        if (isAgain) resume.again()
        const answer = await open(isAgain ? { log_lines: String(lookedBack) } : {})
        isThere = true
        return answer
      },
      // An empty line is a sign of life in silence.
      take: (line) => (line.trim() !== '' && resume.isNew(line) ? colour(line) : null),
      // The controller stops, or the app is no more: asking again tells.
      isOver: async () => false,
      cannot() {
        throw new DeisError('unavailable', 'This controller cannot follow logs.', {
          hint: 'These were the last lines; ask again without --follow.',
        })
      },
    })
  } catch (error) {
    if (!isThere || !(error instanceof DeisError) || error.code !== 'not_found') throw error
    note(context.io, `${id} was destroyed.`)
  }
}

async function logs(context: Context, options: LogsOptions): Promise<void> {
  const { lines = 0, ptype } = options
  const id = await context.app(options.app)
  const query = {
    ...(lines > 0 ? { log_lines: String(lines) } : {}),
    ...(ptype === undefined ? {} : { type: ptype }),
  }
  await (options.follow ? fromNowOn : lately)(context, id, query)
}

export function logsCommand(context: Context): Command {
  return new Command('apps:logs')
    .description('show what an app and the controller said lately, and with -f what they say from then on')
    .addOption(appOption())
    .option('-n, --lines <lines>', 'how many lines', integer)
    .option('-f, --follow', 'go on with each new line, over releases and restarts, until Ctrl-C')
    .option('--ptype <type>', 'only lines of the processes of this type')
    .action((options: LogsOptions) => logs(context, options))
}
