// Does the git history of an app come back from a file as it was, and is a damaged one refused?
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporary } from './fixture.ts'
import { writeSettings } from './git.ts'
import type { History } from '@deis/ports/history'
import { openHistory } from './history.ts'
import { defaultLimits } from './port.ts'
import { repoOf } from './repos.ts'

const never = new AbortController().signal
let folder = ''
let repos = ''
let history: History

async function git(...args: string[]): Promise<string> {
  const identity = ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', '-c', 'init.defaultBranch=main']
  return (await promisify(execFile)('git', [...identity, ...args])).stdout.trim()
}

/** A repository of an app with two commits; `main` leads to the second one. */
async function filled(app: string): Promise<[string, string]> {
  const work = join(folder, `${app}-work`)
  await git('init', '--quiet', work)
  const commits: string[] = []
  for (const text of ['one', 'two']) {
    await writeFile(join(work, 'file.txt'), text)
    await git('-C', work, 'add', '.')
    await git('-C', work, 'commit', '--quiet', '-m', text)
    commits.push(await git('-C', work, 'rev-parse', 'HEAD'))
  }
  await git('-C', work, 'tag', 'v1', commits[0] ?? '')
  await git('clone', '--quiet', '--bare', work, repoOf(repos, app))
  return commits as [string, string]
}

beforeEach(async () => {
  folder = await temporary()
  repos = join(folder, 'repos')
  await mkdir(repos)
  const own = { program: 'git', path: process.env.PATH ?? '', folder: repos }
  await writeSettings(own, join(repos, '.hooks'), 50_000_000)
  history = openHistory({
    git: own,
    limits: defaultLimits,
    deps: { sourceLimits: { entries: 10, bytes: 10_000 }, maxPackBytes: 50_000_000 },
  })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('branches, tags and commits come back as they were', async () => {
  const [first, second] = await filled('shop')
  const file = join(folder, 'bundle')
  expect(await history.write('shop', file, first, never)).toEqual({ contains: true })
  await history.read('blog', file, never)
  const refs = await git(`--git-dir=${repoOf(repos, 'blog')}`, 'for-each-ref', '--format=%(refname) %(objectname)')
  expect(refs.split('\n')).toEqual([`refs/heads/main ${second}`, `refs/tags/v1 ${first}`])
  const { source, submodules } = await history.commit('blog', first, never)
  expect(submodules).toEqual([])
  expect((await buffer(source())).includes('one')).toBe(true)
})

test('a commit that no branch leads to is not in the file, and an app without commits has none', async () => {
  await filled('shop')
  const file = join(folder, 'bundle')
  expect(await history.write('shop', file, 'f'.repeat(40), never)).toEqual({ contains: false })
  expect(await history.write('shop', file, '', never)).toEqual({ contains: false })
  expect(await history.write('empty', file, '', never)).toBeNull()
})

test.each([
  ['cut', async (file: string) => truncate(file, (await readFile(file)).length - 20), /index-pack failed/],
  ['not a bundle', (file: string) => writeFile(file, 'PACK'), /not a git bundle/],
  [
    'with endless names',
    (file: string) => writeFile(file, `# v2 git bundle\n${`${'a'.repeat(40)} refs/heads/x\n`.repeat(40_000)}`),
    /too many branches/,
  ],
])('a file that is %s changes nothing', async (_, spoil, message) => {
  const [, second] = await filled('shop')
  await filled('blog')
  const file = join(folder, 'bundle')
  await history.write('shop', file, second, never)
  await spoil(file)
  await expect(history.read('blog', file, never)).rejects.toThrow(message)
  expect(await git(`--git-dir=${repoOf(repos, 'blog')}`, 'for-each-ref', '--format=%(refname)')).toContain('v1')
})

test('objects that a push may not have are refused', async () => {
  await filled('shop')
  const repo = repoOf(repos, 'shop')
  const blob = await git(`--git-dir=${repo}`, 'rev-parse', 'main:file.txt')
  // A tree with an entry named .git, which no client of git makes by itself.
  const entry = Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')])
  const raw = join(folder, 'tree')
  await writeFile(raw, entry)
  const tree = await git(`--git-dir=${repo}`, 'hash-object', '-t', 'tree', '-w', '--literally', raw)
  const commit = await git(`--git-dir=${repo}`, 'commit-tree', '-m', 'bad', tree)
  await git(`--git-dir=${repo}`, 'update-ref', 'refs/heads/main', commit)
  const file = join(folder, 'bundle')
  await history.write('shop', file, commit, never)
  await expect(history.read('blog', file, never)).rejects.toThrow(/hasDotgit/)
})

test('a commit that is too large to deploy, or not there, has no source', async () => {
  const [first] = await filled('shop')
  await expect(history.commit('shop', 'f'.repeat(40), never)).rejects.toThrow()
  await expect(history.commit('shop', '--help', never)).rejects.toThrow('not the id of a commit')
  const small = openHistory({
    git: { program: 'git', path: process.env.PATH ?? '', folder: repos },
    limits: defaultLimits,
    deps: { sourceLimits: { entries: 10, bytes: 1 }, maxPackBytes: 50_000_000 },
  })
  await expect(small.commit('shop', first, never)).rejects.toThrow('at most 0 MB')
})
