// What is pushed in the tests, from where, and how does it change?
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Result, Running } from './child.ts'
import { mustWork, type Person } from './client.ts'

const plainApp = fileURLToPath(new URL('../apps/plain', import.meta.url))

/** Content by path; null deletes, and scripts in bin/ become executable. */
export type Files = Readonly<Record<string, string | null>>

export type Checkout = {
  readonly app: string
  readonly folder: string
  readonly owner: Person
  /** Commits these changes and returns the commit's id. */
  commit(files: Files): Promise<string>
  push(...args: string[]): Promise<Result>
  startPush(...args: string[]): Running
  /** @throws when the push is not taken. */
  deploy(files?: Files): Promise<string>
  /** The deis command, here. */
  deis(...args: string[]): Promise<Result>
  does(...args: string[]): Promise<string>
}

async function change(folder: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path)
    if (content === null) {
      await rm(file, { recursive: true })
      continue
    }
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
    if (path.startsWith('bin/')) await chmod(file, 0o755)
  }
}

/** Settings of the plain app; see apps/plain/server.mjs. */
export function settings(values: {
  message?: string
  needs?: string
  boot?: 'crash' | 'silent'
}): Readonly<Record<string, string>> {
  return { 'settings.json': JSON.stringify({ message: 'hello', ...values }) }
}

/** A repository with one commit, which is not an app of the platform yet. */
export async function newCheckout(owner: Person, app: string, files: Files | 'plain'): Promise<Checkout> {
  const folder = join(owner.home, 'apps', app)
  await mkdir(folder, { recursive: true })
  if (files === 'plain') await cp(plainApp, folder, { recursive: true })
  else await change(folder, files)
  const git = async (...args: string[]): Promise<string> =>
    mustWork(await owner.git(args, folder), `git ${args.join(' ')}`)
  const commit = async (changes: Files): Promise<string> => {
    await change(folder, changes)
    await git('add', '--all')
    await git('commit', '--quiet', '--allow-empty', '--message', 'A change')
    return (await git('rev-parse', 'HEAD')).trim()
  }
  await git('init', '--quiet')
  await commit({})
  const push = (...args: string[]): Promise<Result> =>
    owner.git(['push', ...(args.length > 0 ? args : ['deis', 'master'])], folder)
  return {
    app,
    folder,
    owner,
    commit,
    push,
    startPush: (...args) => owner.startGit(['push', ...(args.length > 0 ? args : ['deis', 'master'])], folder),
    async deploy(changes) {
      if (changes) await commit(changes)
      const result = await push()
      mustWork(result, `git push of ${app}`)
      return result.stderr
    },
    deis: (...args) => owner.deis(args, { cwd: folder }),
    does: (...args) => owner.does(args, { cwd: folder }),
  }
}

/** The same, as an app with a remote. */
export async function newApp(owner: Person, app: string, files: Files | 'plain' = 'plain'): Promise<Checkout> {
  const checkout = await newCheckout(owner, app, files)
  await checkout.does('create', app)
  return checkout
}
