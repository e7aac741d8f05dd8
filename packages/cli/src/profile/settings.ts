// Where is the profile stored: controller, user and token (docs/contract/cli.md §3)?
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DeisError } from '@deis/types'
import { fileError, readTextIfAny, writePrivately } from './files.ts'
import type { Io } from '../terminal/io.ts'

export type Profile = {
  readonly username: string
  readonly ssl_verify: boolean
  readonly controller: string
  readonly token: string
  /** Number of entries that a list shows; 0 or less: 100. */
  readonly response_limit: number
  /** Keys of other clients, kept when the file is written again. */
  readonly others: Readonly<Record<string, unknown>>
}

/** Where the profile is: the path to show, and the absolute path. */
export type ProfileFile = { readonly shown: string; readonly path: string; readonly home: string }

function homeOf({ env, platform }: Pick<Io, 'env' | 'platform'>): string {
  const home = platform === 'win32' ? `${env['HOMEDRIVE'] ?? ''}${env['HOMEPATH'] ?? ''}` : env['HOME']
  if (home) return home
  throw new DeisError('usage', 'HOME is not set, so the client configuration file cannot be found.', {
    hint: 'Set HOME to your home folder.',
  })
}

/** `option` is the value of `--config`. A path has a separator and ends in `.json`; anything else is a name (§3.1). */
export function profileFile(option: string | undefined, io: Pick<Io, 'env' | 'platform' | 'cwd'>): ProfileFile {
  const value = option ?? io.env['DEIS_PROFILE'] ?? 'client'
  const home = homeOf(io)
  const shown = /^.*[/\\].+\.json$/.test(value) ? value : join(home, '.deis', `${value}.json`)
  return { shown, path: resolve(io.cwd, shown), home }
}

function parseProfile(text: string, shown: string): Profile {
  const refuse = (why: string): DeisError =>
    new DeisError('usage', `Client configuration file ${shown} is invalid: ${why}`, {
      hint: 'Correct it, or delete it and run `deis login <controller>`.',
    })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw refuse((error as SyntaxError).message)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw refuse('it is not a JSON object.')
  const { username, ssl_verify, controller, token, response_limit, ...others } = parsed as Record<string, unknown>
  const read = <T extends string | boolean | number>(key: string, value: unknown, absent: T): T => {
    if (value === undefined || value === null) return absent
    if (typeof value !== typeof absent) throw refuse(`${key} must be a ${typeof absent}.`)
    return value as T
  }
  return {
    username: read('username', username, ''),
    ssl_verify: read<boolean>('ssl_verify', ssl_verify, true),
    controller: read('controller', controller, ''),
    token: read('token', token, ''),
    response_limit: read<number>('response_limit', response_limit, 0),
    others,
  }
}

/** Null if you are not logged in with this profile. */
export async function findProfile({ path, shown }: ProfileFile): Promise<Profile | null> {
  const text = readTextIfAny(path, shown)
  return text === null ? null : parseProfile(text, shown)
}

/** `hints`: further hints for the case that there is none. */
export async function readProfile(file: ProfileFile, hints: readonly string[] = []): Promise<Profile> {
  const profile = await findProfile(file)
  if (profile) return profile
  throw new DeisError('usage', `Client configuration file not found at: ${file.shown}`, {
    hint: [
      'Log in with `deis login <controller>`, or create an account with `deis register <controller>`.',
      ...hints,
    ].join('\n'),
  })
}

/** The keys are in the order of the original client, which may read the file next. */
export async function saveProfile(file: ProfileFile, profile: Profile): Promise<void> {
  const { username, ssl_verify, controller, token, response_limit, others } = profile
  try {
    await mkdir(join(file.home, '.deis'), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fileError('mkdir', join(file.home, '.deis'), error)
  }
  await writePrivately(
    file.path,
    JSON.stringify({ username, ssl_verify, controller, token, response_limit, ...others }),
  )
}

export async function removeProfile({ path, shown }: ProfileFile): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    throw fileError('remove', shown, error)
  }
}
