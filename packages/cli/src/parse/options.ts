// Which options do many commands share, and how are numbers parsed?
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

/** Checked before anything is created on the controller for a remote that git would refuse. */
function remoteName(text: string): string {
  if (/^\w[\w./-]*$/.test(text)) return text
  throw new InvalidArgumentError('It is not a valid name of a git remote.')
}

export function remoteOption(): Option {
  return new Option('-r, --remote <name>', 'name of the git remote').default('deis').argParser(remoteName)
}

export type AppOption = { readonly app?: string }

export function appOption(): Option {
  return new Option('-a, --app <app>', 'name of the app; by default from DEIS_APP, the git remote or the folder')
}

export type LimitOption = { readonly limit?: number }

export function limitOption(): Option {
  return new Option('-l, --limit <num>', 'number of entries to show; by default that of the profile, or 100').argParser(
    integer,
  )
}

/** The `?limit=` of a list: the option, the limit of the profile, or 100. */
export async function limitOf(context: Context, { limit = -1 }: LimitOption): Promise<string> {
  if (limit > 0) return String(limit)
  const { response_limit: own } = await context.profile()
  return String(own > 0 ? own : fallbackLimit)
}
