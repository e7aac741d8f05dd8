// How does an app's history leave the server as one file, and come back from one?
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { History } from '@deis/ports/history'
import { archive, runGit, tolerated } from './git.ts'
import { look, type Looking, wholeOf } from './push/contents.ts'
import { branches, openDraft, pointHead, removeRepo, repoOf } from './repos.ts'

const timeoutMs = 1_800_000
const signature = '# v2 git bundle\n'
/** Of the lines that name branches and tags. */
const maxHeaderBytes = 1024 * 1024

const shaPattern = /^[0-9a-f]{40}$/
const refPattern = /^([0-9a-f]{40}) (refs\/(?:heads|tags)\/[^ ]+)$/

type Bundle = {
  readonly refs: readonly { readonly name: string; readonly sha: string }[]
  /** Where its pack begins. */
  readonly start: number
}

/** A bundle may name millions of branches, each of which becomes a file. @throws Error */
async function readHeader(file: string): Promise<Bundle> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(maxHeaderBytes), position: 0 })
    const head = buffer.subarray(0, bytesRead)
    if (!head.subarray(0, signature.length).equals(Buffer.from(signature)))
      throw new Error('the git history is not a git bundle of version 2')
    const end = head.indexOf('\n\n')
    if (end < 0) throw new Error('the git history has too many branches and tags')
    const lines = head.subarray(signature.length, end).toString('utf8').split('\n')
    const refs = lines.map((line) => {
      const [, sha, name] = refPattern.exec(line) ?? []
      if (sha === undefined || name === undefined)
        throw new Error(`the git history has more than branches and tags: ${JSON.stringify(line.slice(0, 200))}`)
      return { name, sha }
    })
    return { refs, start: end + 2 }
  } finally {
    await handle.close()
  }
}

export function openHistory(looking: Looking): History {
  const { git, deps } = looking
  const inRepo = (app: string, args: readonly string[], signal: AbortSignal): Promise<string> =>
    runGit(git, [`--git-dir=${repoOf(git.folder, app)}`, ...args], { signal, timeoutMs })
  /** Null: the repository, or the commit, is not there. */
  const oneRef = async (app: string, args: readonly string[], signal: AbortSignal): Promise<string | null> => {
    const found = await inRepo(app, ['for-each-ref', '--count=1', ...args, 'refs/heads', 'refs/tags'], signal).catch(
      () => '',
    )
    signal.throwIfAborted()
    return found.trim() || null
  }
  return {
    async write(app, file, sha, signal) {
      if ((await oneRef(app, [], signal)) === null) return null
      await inRepo(app, ['bundle', 'create', '--quiet', '--version=2', file, '--branches', '--tags'], signal)
      // A commit that nothing leads to any more is not in the bundle, and git does not know one that it deleted.
      return { contains: shaPattern.test(sha) && (await oneRef(app, [`--contains=${sha}`], signal)) !== null }
    },
    async read(app, file, signal) {
      const { refs, start } = await readHeader(file)
      const draft = await openDraft(git)
      try {
        // As strict as a push, which git is not when it fetches from a bundle.
        const strict = `--strict=${tolerated.map((one) => `${one}=ignore`).join(',')}`
        const most = `--max-input-size=${Math.floor(deps.maxPackBytes)}`
        const pack = createReadStream(file, { start })
        await runGit(git, [`--git-dir=${draft}`, 'index-pack', '--stdin', strict, most], {
          signal,
          timeoutMs,
          input: pack,
        })
        const commands = refs.map(({ name, sha }) => `create ${name} ${sha}\n`)
        await runGit(git, [`--git-dir=${draft}`, 'update-ref', '--stdin'], { signal, input: Readable.from(commands) })
        const there = await branches(git, draft)
        const shown = ['main', 'master'].find((name) => there.includes(name)) ?? there[0]
        if (shown !== undefined) await pointHead(draft, `refs/heads/${shown}`)
        await removeRepo(git.folder, app)
        await rename(draft, repoOf(git.folder, app))
      } finally {
        await rm(draft, { recursive: true, force: true })
      }
    },
    async commit(app, sha, signal) {
      if (!shaPattern.test(sha)) throw new Error(`${JSON.stringify(sha)} is not the id of a commit`)
      const object = { repo: repoOf(git.folder, app), sha, env: {} }
      const { submodules } = await look(looking, object, signal, sha)
      return {
        source: () => archive(git, object, signal),
        submodules,
        withSubmodules: wholeOf(looking, object, submodules),
      }
    },
  }
}
