// Does git run with our settings only, and is each failure of it an error with its reason?
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporary } from './fixture.ts'
import { archive, type Git, runGit, writeSettings } from './git.ts'

let git: Git
beforeEach(async () => {
  git = { program: 'git', path: process.env.PATH ?? '', folder: await temporary() }
})
afterEach(() => rm(git.folder, { recursive: true, force: true }))

test('git sees our settings and nothing of our environment', async () => {
  await writeSettings(git, `/it's "a\\place"`, 1234.5)
  process.env['GIT_TEST_SECRET'] = 'secret'
  const env = await runGit(git, ['-c', 'alias.vars=!env', 'vars'])
  delete process.env['GIT_TEST_SECRET']
  expect(env).toContain(`HOME=${join(git.folder, '.home')}\n`)
  expect(env).not.toContain('secret')
  const value = async (name: string): Promise<string> => (await runGit(git, ['config', name])).trim()
  expect(await value('core.hooksPath')).toBe(`/it's "a\\place"`)
  expect(await value('receive.maxInputSize')).toBe('1234')
  expect(await value('receive.fsckObjects')).toBe('true')
  await expect(writeSettings(git, 'a\nb', 1)).rejects.toThrow('cannot be part of a git setting')
})

test('a failure has git’s words, a wait has an end', async () => {
  await expect(runGit(git, ['cat-file', '-t', 'x'])).rejects.toThrow(
    /^git cat-file failed: fatal: not a git repository/,
  )
  await expect(runGit({ ...git, program: '/nowhere/git' }, ['version'])).rejects.toThrow('ENOENT')
  const forever = ['-c', 'alias.wait=!exec sleep 60', 'wait']
  await expect(runGit(git, forever, { timeoutMs: 50 })).rejects.toThrow('git wait did not end within 0.05 s')
  const reason = new Error('stop')
  await expect(runGit(git, forever, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const later = new AbortController()
  const running = runGit(git, forever, { signal: later.signal })
  later.abort(reason)
  await expect(running).rejects.toBe(reason)
})

test('an archive that fails or is cancelled is an error of the stream, never a short archive', async () => {
  const repo = join(git.folder, 'a.git')
  await runGit(git, ['init', '-q', '--bare', '--', repo])
  const tree = (await runGit(git, [`--git-dir=${repo}`, 'mktree', '--missing'])).trim()
  const signal = new AbortController().signal
  const empty = await buffer(archive(git, { repo, sha: tree, env: {} }, signal))
  expect(empty.length).toBe(10_240)
  const unknown = archive(git, { repo, sha: 'a'.repeat(40), env: {} }, signal)
  await expect(buffer(unknown)).rejects.toThrow(/^git archive failed: fatal: not a tree object/)
  const cancelled = new AbortController()
  const stream = archive(git, { repo, sha: tree, env: {} }, cancelled.signal)
  cancelled.abort(new Error('cancelled by a test'))
  await expect(buffer(stream)).rejects.toThrow('cancelled by a test')
})
