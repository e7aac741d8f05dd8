// What does every command receive?
import { basename } from 'node:path'
import { DeisError, getPlatform, type Platform, type Response, type Route } from '@deis/types'
import { type Answer, createAnswer, progressOnStderr } from '../terminal/answer.ts'
import { call, type CallArguments, type Connection, type Wire } from '../http/client.ts'
import type { Remote } from './remotes.ts'
import type { Io } from '../terminal/io.ts'
import { note } from '../terminal/output.ts'
import { type Profile, profileFile, type ProfileFile, readProfile } from './settings.ts'
import { skewNote } from '../http/skew.ts'

/** Which app, and where its name comes from. */
export type AppChoice = { readonly id: string; readonly from: 'flag' | 'environment' | 'git' | 'folder' }

export type Context = {
  readonly io: Io
  readonly wire: Wire
  profileFile(): ProfileFile
  /** @throws when you are not logged in */
  profile(): Promise<Profile>
  /** Runs `work` on the controller that you are logged in to, and explains a failure that a guessed app name may have caused. */
  connected<T>(work: (connection: Connection) => Promise<T>): Promise<T>
  /** Calls that controller. */
  call<const R extends Route>(route: R, ...given: Given<R>): Promise<Response<R>>
  platform(): Promise<Platform>
  /** `flag` is the value of `--app`. */
  findApp(flag: string | undefined): Promise<AppChoice>
  app(flag: string | undefined): Promise<string>
  /** Prints the lines, or with `--json` the value; at most once per command. */
  readonly answer: Answer
  /** Called when the command has ended: `--json` always prints a value. */
  finish(): void
  /** Prints, at most once a day and never with `--json`, that client and controller do not fit. */
  noteSkew(): Promise<void>
  /** The exit code of the program when nothing fails. */
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
  throw new DeisError('usage', `${flag} must not be empty.`)
}

const longestWarning = 1_000

export function createContext(
  base: Io,
  options: {
    profile: string | undefined
    debug: boolean
    /** Hints for the case that `-c` was not meant as a profile. */
    profileHints?: readonly string[]
  },
): Context {
  const isJson = (): boolean => context.json
  const io = progressOnStderr(base, isJson)
  const { answer, isGiven } = createAnswer(base, isJson)
  const file = (): ProfileFile => profileFile(options.profile, io)
  const profile = once(() => readProfile(file(), options.profileHints ?? []))
  let skew: { readonly text: string | null; readonly origin: string } | null = null
  const warnings = new Set<string>()
  let guessed: string | null = null
  const wire: Wire = {
    signal: io.signal,
    env: io.env,
    trace: (line) => {
      if (context.debug) io.stderr.write(`debug: ${line}\n`)
    },
    onVersions: (announced, origin) => {
      skew ??= { text: skewNote(announced, origin), origin }
    },
    // A line such as `Creating config... ` may be unfinished on a terminal.
    onWait: (text) => io.stderr.write(`${io.isTty.stdout && io.isTty.stderr ? '\n' : ''} !    ${text}\n`),
    onWarning: (text) => {
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
    async noteSkew() {
      if (!skew?.text || context.json) return
      const { isDue } = await import('./noted.ts')
      if (await isDue(file(), skew.origin, io.now())) note(io, skew.text)
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
          hint: `No git remote belongs to this controller, so the name of this folder was used: "${guessed}". Use --app, or set DEIS_APP.`,
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
      // Outside a repository, or without git, there are no remotes.
      const { foreignRemote, listRemotes, remotesHere } = await import('./remotes.ts')
      const remotes = await listRemotes(io).catch((): Remote[] => [])
      const [found] = remotes.length > 0 ? remotesHere(remotes, await platform(), controller) : []
      if (found?.form === 'former')
        note(
          io,
          `Note: the git remote "${found.remote.name}" points to ${found.remote.url}, an earlier address of this controller. To update it, run \`deis git:remote --remote ${found.remote.name}\`.`,
        )
      if (found) return { id: found.app, from: 'git' }
      const foreign = foreignRemote(remotes)
      if (foreign)
        throw new DeisError(
          'usage',
          `No app given, and the git remote "${foreign.name}" does not belong to ${controller}: it points to ${foreign.url}.`,
          {
            hint: `Use --app, or point the remote to an app of this controller: \`deis git:remote --force --remote ${foreign.name} --app <app>\`.`,
          },
        )
      const folder = basename(io.cwd).toLowerCase()
      if (folder === '')
        throw new DeisError('usage', 'No app given, and none found in this folder.', {
          hint: 'Use --app, or run this in a folder with a "deis" remote.',
        })
      guessed = folder
      return { id: folder, from: 'folder' }
    },
    app: async (flag) => (await context.findApp(flag)).id,
  }
  return context
}
