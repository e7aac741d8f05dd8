// Which changes were made or tried, by whom and from where?
import { Command, InvalidArgumentError } from 'commander'
import { DeisError, type Event, listAppEvents, listEvents } from '@deis/types'
import type { Context } from '../profile/context.ts'
import { type AppOption, appOption } from '../parse/options.ts'

type Options = AppOption & {
  readonly num?: number
  readonly after?: number
  readonly all?: true
  readonly ndjson?: true
}

const usualCount = 30
const mostEvents = 1_000_000
/** Of one request. */
const pageSize = 1_000

function count(text: string): number {
  const value = Number(text)
  if (/^\d{1,7}$/.test(text) && value >= 1 && value <= mostEvents) return value
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${mostEvents}.`)
}

function eventId(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be the id of an event, or 0.')
}

/** `values.set=A,B`. */
function said(value: unknown, name = ''): string[] {
  if (Array.isArray(value)) return [`${name}=${value.join(',')}`]
  if (typeof value !== 'object' || value === null) return [`${name}=${String(value)}`]
  return Object.entries(value).flatMap(([key, one]) => said(one, name === '' ? key : `${name}.${key}`))
}

function line({ time, actor, app, action, target, details, address, result }: Event, withApp: boolean): string {
  const what = [action, target ?? '', ...said(details)].filter((part) => part !== '').join(' ')
  const parts = [time, actor ?? '(builder)', ...(withApp ? [app ?? '-'] : []), what, address ?? '-', result]
  return parts.join('\t')
}

const asText = (numbers: Readonly<Record<string, number | undefined>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(numbers).flatMap(([name, value]) => (value === undefined ? [] : [[name, `${value}`]])),
  )

export function events(context: Context): Command[] {
  /** Newest first; `after` the event with that id, oldest first. */
  async function read(app: string | null, most: number, after: number | null): Promise<Event[]> {
    const found: Event[] = []
    while (found.length < most) {
      const last = found.at(-1)
      const limit = Math.min(pageSize, most - found.length)
      const from = after === null ? { before: last?.id } : { after: last?.id ?? after }
      const query = { limit: String(limit), ...asText(from) }
      const page = await (app === null
        ? context.call(listEvents, { query })
        : context.call(listAppEvents, { params: { id: app }, query }))
      found.push(...page.results)
      if (page.results.length < limit) break
    }
    return found
  }

  async function list(options: Options): Promise<void> {
    if (options.all && options.app !== undefined)
      throw new DeisError('usage', '--all shows all apps: use it without --app.')
    const app = options.all ? null : await context.app(options.app)
    const { after = null } = options
    const found = await read(app, options.num ?? (after === null ? usualCount : mostEvents), after)
    if (options.ndjson)
      return context.answer(
        found,
        found.map((one) => JSON.stringify(one)),
      )
    const title = app === null ? '=== Events' : `=== ${app} Events`
    context.answer(found, [title, ...found.map((one) => line(one, app === null))])
  }

  return [
    new Command('events:list')
      .description('list the changes of an app that were made or tried, newest first: who, what, from where')
      .addOption(appOption())
      .option('-n, --num <num>', `number of entries to show; ${usualCount}, or all with --after`, count)
      .option('--after <id>', 'only those after the event with this id, oldest first', eventId)
      .option('--all', 'of the whole platform; admins only')
      .option('--ndjson', 'print a line of JSON for each, for other programs')
      .action(list),
  ]
}
