// What does every command get to work with?
import { basename } from 'node:path'
import { DeisError, getPlatform, type Platform, type Response, type Route } from '@deis/types'
import { type Answer, createAnswer, narrating } from '../terminal/answer.ts'
import { call, type CallArguments, type Connection, type Wire } from '../http/client.ts'
import type { Remote } from './git.ts'
import type { Io } from '../terminal/io.ts'
import { note } from '../terminal/output.ts'
import { foreignRemote, remotesHere } from '../http/platform.ts'
import { type Profile, profileFile, type ProfileFile, readProfile } from './settings.ts'
import { speaksOurs, versionWarning } from '../http/version.ts'

/** Which app, and who said so. */
export type AppChoice = { readonly id: string; readonly from: 'flag' | 'environment' | 'git' | 'folder' }

export type Context = {
  readonly io: Io
  readonly wire: Wire
  profileFile(): ProfileFile
  /** Fails when nobody is logged in. */
  profile(): Promise<Profile>
  /** Does something with the controller one is logged in to, and explains a failure that a guessed app may be the reason of. */
  connected<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Calls that controller. */
  call<const R extends Route>(route: R, ...given: Given<R>): Promise<Response<R>>
  platform(): Promise<Platform>
  /** `flag` is the value of `--app`. */
  findApp(flag: string | undefined): Promise<AppChoice>
  app(flag: string | undefined): Promise<string>
  /** The lines for a person, or with `--json` the value; at most once a command. */
  readonly answer: Answer
  /** Called when the command has done its work: with `--json` something is always answered. */
  finish(): void
  /** What the program ends with when nothing fails. */
  exitCode: number
  debug: boolean
  json: boolean
}

type Given<R extends Route> =
  CallArguments<R> extends { readonly params: object } ? [CallArguments<R>] : [CallArguments<R>?]

export function connectionOf(profile: Profile): Connection {
  return { controller: profile.controller, sslVerify: profile.ssl_verify, token: profile.token }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

function given(app: string, flag: string): string {
  if (app.trim() !== '') return app
  throw new DeisError('usage', `${flag} names no app.`)
}

const longestWarning = 1_000

export function createContext(
  world: Io,
  options: {
    profile: string | undefined
    debug: boolean
    /** Advice for the case that the profile was not meant as one. */
    mistaken?: readonly string[]
  },
): Context {
  const isJson = (): boolean => context.json
  const io = narrating(world, isJson)
  const { answer, isGiven } = createAnswer(world, isJson)
  const file = (): ProfileFile => profileFile(options.profile, io)
  const profile = once(() => readProfile(file(), options.mistaken ?? []))
  let warned = false
  const warnings = new Set<string>()
  let guessed: string | null = null
  const wire: Wire = {
    signal: io.signal,
    env: io.env,
    trace: (line) => {
      if (context.debug) io.stderr.write(`debug: ${line}\n`)
    },
    heardVersion: (announced) => {
      if (warned || speaksOurs(announced)) return
      warned = true
      io.stderr.write(versionWarning(announced))
    },
    // On a terminal a line may be begun, such as `Creating config... `.
    waits: (text) => io.stderr.write(`${io.isTty.stdout && io.isTty.stderr ? '\n' : ''} !    ${text}\n`),
    warned: (text) => {
      if (warnings.has(text)) return
      warnings.add(text)
      io.stderr.write(` !    ${text.slice(0, longestWarning)}\n`)
    },
  }
  const platform = once(() => context.call(getPlatform))

  const context: Context = {
    io,
    wire,
    profileFile: file,
    profile,
    platform,
    answer,
    finish() {
      if (context.json && !isGiven()) answer(null)
    },
    exitCode: 0,
    debug: options.debug,
    json: false,
    async connected(work) {
      try {
        return await work(connectionOf(await profile()))
      } catch (error) {
        if (guessed === null || !(error instanceof DeisError) || error.code !== 'not_found') throw error
        throw new DeisError('not_found', error.message, {
          hint: `The app name "${guessed}" was taken from the folder, as there is no git remote of this controller. Pass --app=<app>, or set DEIS_APP.`,
          cause: error,
        })
      }
    },
    call: (route, ...[given]) =>
      context.connected((connection) => call(wire, connection, route, (given ?? {}) as CallArguments<typeof route>)),
    async findApp(flag) {
      if (flag !== undefined) return { id: given(flag, '--app'), from: 'flag' }
      const { controller } = await profile()
      const named = io.env['DEIS_APP']
      if (named) return { id: given(named, 'DEIS_APP'), from: 'environment' }
      // Outside a repository, or without git, there are no remotes to go by.
      const { listRemotes } = await import('./git.ts')
      const remotes = await listRemotes(io).catch((): Remote[] => [])
      const [found] = remotes.length > 0 ? remotesHere(remotes, await platform(), controller) : []
      if (found?.form === 'former')
        note(
          io,
          `Note: the git remote ${found.remote.name} has the address ${found.remote.url}, which is not where this controller takes pushes today: \`deis git:remote --remote ${found.remote.name}\` rewrites it.`,
        )
      if (found) return { id: found.app, from: 'git' }
      const foreign = foreignRemote(remotes)
      if (foreign)
        throw new DeisError(
          'usage',
          `Which app? The git remote ${foreign.name} points to ${foreign.url}, which is not an address of ${controller}.`,
          {
            hint: `Pass --app=<app>; \`deis git:remote --force --remote ${foreign.name} --app <app>\` points the remote to an app here.`,
          },
        )
      const folder = basename(io.cwd).toLowerCase()
      if (folder === '')
        throw new DeisError('usage', 'Which app? This folder does not tell.', { hint: 'Pass --app=<app>.' })
      guessed = folder
      return { id: folder, from: 'folder' }
    },
    app: async (flag) => (await context.findApp(flag)).id,
  }
  return context
}
