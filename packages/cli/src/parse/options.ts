// Which options do many commands share, and how are numbers read?
import { InvalidArgumentError, Option } from 'commander'
import type { Context } from '../profile/context.ts'

const fallbackLimit = 100

export function integer(text: string): number {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

/** Only the literal `false` means off (docs/contract/cli.md §2.2). */
export function unlessFalse(text: string): boolean {
  return text !== 'false'
}

/** Checked here, so that nothing is made on the controller for a remote that git refuses later. */
function remoteName(text: string): string {
  if (/^\w[\w./-]*$/.test(text)) return text
  throw new InvalidArgumentError('It is no name for a git remote.')
}

export function remoteOption(): Option {
  return new Option('-r, --remote <name>', 'name of the git remote').default('deis').argParser(remoteName)
}

export type AppOption = { readonly app?: string }

export function appOption(): Option {
  return new Option('-a, --app <app>', 'the app; otherwise DEIS_APP, the git remote or the name of the folder tells')
}

export type LimitOption = { readonly limit?: number }

export function limitOption(): Option {
  return new Option('-l, --limit <num>', 'how many to show; otherwise as many as the profile says, or 100').argParser(
    integer,
  )
}

/** The `?limit=` of a list: the option, the profile's own, or 100. */
export async function limitOf(context: Context, { limit = -1 }: LimitOption): Promise<string> {
  if (limit > 0) return String(limit)
  const { response_limit: own } = await context.profile()
  return String(own > 0 ? own : fallbackLimit)
}
