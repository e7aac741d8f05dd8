// How are all variables of an app edited as one text?
import { type Config, DeisError, getConfig, messageOf, setConfig } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { formatDotenv, parseDotenv, type Variables } from '../../parse/dotenv.ts'
import { edit } from '../../terminal/editor.ts'
import { note, print, step } from '../../terminal/output.ts'

type Changes = Readonly<Record<string, string | null>>

/** Null removes a variable. */
function changesBetween(before: Readonly<Variables>, after: Readonly<Variables>): Changes {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return Object.fromEntries(keys.filter((key) => before[key] !== after[key]).map((key) => [key, after[key] ?? null]))
}

function signed(sign: string, key: string, value: string | null | undefined): string[] {
  if (value === null || value === undefined) return []
  return formatDotenv({ [key]: value })
    .trimEnd()
    .split('\n')
    .map((line) => `${sign} ${line}`)
}

/** `- LEVEL=info`, `+ LEVEL=debug` */
function diffLines(before: Readonly<Variables>, changes: Changes): string[] {
  return Object.entries(changes).flatMap(([key, value]) => [
    ...signed('-', key, Object.hasOwn(before, key) ? before[key] : null),
    ...signed('+', key, value),
  ])
}

const changedMeanwhile = (id: string): DeisError =>
  new DeisError('conflict', `The config of "${id}" was changed meanwhile, so nothing was changed.`, {
    hint: 'Run `deis config:edit` again; your changes are listed above.',
  })

/** What the user wants changed; null when that is nothing, or not confirmed. */
async function editedChanges(context: Context, id: string, { values }: Config): Promise<Changes | null> {
  const { io } = context
  const head = `# Variables of ${id}. Lines beginning with # are ignored; a variable whose line you delete is removed.\n`
  let changes: Changes | null = null
  await edit(io, head + formatDotenv(values), `${id}.env`, async (text) => {
    let after: Variables
    try {
      after = parseDotenv(text, `${id}.env`, (key) =>
        note(io, `${key}: the text after # is ignored as a comment. Put the value in quotes to keep it.`),
      )
    } catch (error) {
      note(io, `Error: ${messageOf(error)}`)
      return !(await io.prompt.confirm('Edit it again? Otherwise nothing is changed.'))
    }
    const found = changesBetween(values, after)
    if (Object.keys(found).length === 0) {
      note(io, 'Nothing was changed.')
      return true
    }
    for (const line of diffLines(values, found)) print(io, line)
    if (await io.prompt.confirm(`Set this for ${id}? It makes a release.`)) changes = found
    else note(io, 'Not confirmed; nothing was changed.')
    return true
  })
  return changes
}

export async function editConfig(context: Context, id: string): Promise<Variables | null> {
  const { io } = context
  if (!io.isTty.stdin || context.json)
    throw new DeisError('usage', 'config:edit needs a terminal, and is not for scripts.', {
      hint: 'Use `deis config:pull` and `deis config:push`, or `deis config:set`.',
    })
  const params = { id }
  const before = await context.call(getConfig, { params })
  const values = await editedChanges(context, id, before)
  if (values === null) return null
  // A controller that does not know `base` would not notice.
  if ((await context.call(getConfig, { params })).uuid !== before.uuid) throw changedMeanwhile(id)
  const set = (): Promise<Config> => context.call(setConfig, { params, body: { values, base: before.uuid } })
  return (await step(io, 'Creating config...', set)).values
}
