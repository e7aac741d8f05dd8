// How are the git remotes of this checkout listed, added and removed (docs/contract/cli.md §1.9)?
import { execFile } from 'node:child_process'
import { DeisError } from '@deis/types'
import type { Io } from '../terminal/io.ts'

export type Remote = { readonly name: string; readonly url: string }

const deadline = 30_000

function git(io: Io, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      args,
      { cwd: io.cwd, env: io.env, timeout: deadline, signal: io.signal },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        const missing = error.code === 'ENOENT'
        const why = missing ? 'git is not installed' : stderr.trim() || error.message
        reject(
          new DeisError('usage', `git ${args.join(' ')}: ${why}`, {
            hint: missing ? 'Install git, or use --app instead of a remote.' : undefined,
            cause: error,
          }),
        )
      },
    )
  })
}

/** The remotes in git's order, one entry per push URL. @throws outside a repository */
export async function listRemotes(io: Io): Promise<Remote[]> {
  const listing = await git(io, ['remote', '-v'])
  return listing.split('\n').flatMap((line) => {
    const [, name, url] = /^(\S+)\t(.+) \(push\)$/.exec(line) ?? []
    return name !== undefined && url !== undefined ? [{ name, url }] : []
  })
}

export async function addRemote(io: Io, { name, url }: Remote): Promise<void> {
  await git(io, ['remote', 'add', '--', name, url])
}

export async function removeRemote(io: Io, name: string): Promise<void> {
  await git(io, ['remote', 'remove', '--', name])
}

/** Sets a setting of this repository to these values, in order, whatever it had before. */
export async function setAll(io: Io, name: string, [first = '', ...more]: readonly string[]): Promise<void> {
  await git(io, ['config', '--local', '--replace-all', name, first])
  for (const value of more) await git(io, ['config', '--local', '--add', name, value])
}
