// How are objects of a repository read, by two programs of git that answer any number of questions?
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { CatFile } from '@deis/lib/git-tree/objects'
import { type Commit, type Git, killGroup, spawnGit } from './git.ts'

type Mode = Parameters<CatFile>[0]
type Asked = { readonly take: Parameters<CatFile>[2]; resolve(): void; reject(error: unknown): void }

type Reader = { ask: (input: string, take: Asked['take']) => Promise<void>; fail: (error: unknown) => void }

function reader(child: ChildProcessWithoutNullStreams): Reader {
  let asked: Asked | null = null
  let over: unknown = null
  let errors = ''
  const fail = (error: unknown): void => {
    over ??= error
    killGroup(child)
    asked?.reject(over)
    asked = null
  }
  // It may end before it has read everything; its end says why.
  child.stdin.on('error', () => {})
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (errors.length < 1000) errors += text
  })
  const read = async (): Promise<void> => {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      if (!(await asked?.take(chunk))) continue
      asked?.resolve()
      asked = null
    }
  }
  read().catch(fail)
  child.once('error', fail)
  child.once('close', () => fail(new Error(`git cat-file failed: ${errors.trim() || 'it was ended'}`)))
  return {
    fail,
    ask: (input, take) =>
      new Promise((resolve, reject) => {
        if (over !== null) throw over
        asked = { take, resolve, reject }
        child.stdin.write(input)
      }),
  }
}

/** For the time of `work`, or until the signal aborts. `env` makes objects in quarantine visible. */
export async function withObjects<Result>(
  git: Git,
  { repo, env }: Omit<Commit, 'sha'>,
  signal: AbortSignal,
  work: (cat: CatFile) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const started: Reader[] = []
  const start = (mode: Mode): Reader => {
    const one = reader(spawnGit(git, [`--git-dir=${repo}`, 'cat-file', mode], env))
    started.push(one)
    return one
  }
  const end = (error: unknown): void => started.forEach(({ fail }) => fail(error))
  const cancel = (): void => end(signal.reason)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const readers = { '--batch-check': start('--batch-check'), '--batch': start('--batch') }
    return await work((mode, input, take) => readers[mode].ask(input, take))
  } finally {
    signal.removeEventListener('abort', cancel)
    end(new Error('the objects are no longer read'))
  }
}
