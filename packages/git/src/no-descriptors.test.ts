// Does a controller that has no descriptors left for git say so, and go on?
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archive, type Git, runGit } from './git.ts'
import { withObjects } from './cat-file.ts'

const canLimit = spawnSync('prlimit', ['--version']).status === 0 && process.platform === 'linux'
const never = new AbortController().signal
const told = 'git could not be started: the controller has no file descriptors left (EMFILE)'

describe.skipIf(!canLimit)('without descriptors', () => {
  let folder: string
  let git: Git
  let soft: string
  const setLimit = (to: string): void =>
    void execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${to}:`], { stdio: 'ignore' })
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deis-git-'))
    git = { program: 'git', path: process.env.PATH ?? '', folder }
    const args = ['--pid', String(process.pid), '--nofile', '--noheadings', '--raw', '--output=SOFT']
    soft = execFileSync('prlimit', args).toString().trim()
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  /** Begins `work` while none is left; it goes on when there are some again. */
  async function starved<T>(work: () => Promise<T>): Promise<T> {
    const held: number[] = []
    const highest = Math.max(...readdirSync('/proc/self/fd').map(Number))
    setLimit(String(highest + 8))
    try {
      for (;;) held.push(openSync('/dev/null', 'r'))
    } catch {
      // None is left.
    }
    try {
      return await work()
    } finally {
      for (const one of held) closeSync(one)
      setLimit(soft)
    }
  }

  test('a command fails with the reason', async () => {
    await expect(starved(() => runGit(git, ['version']))).rejects.toThrow(told)
    expect(await runGit(git, ['version'])).toContain('git version')
  })

  test('so does a tar of a commit, and the reading of objects, of which nothing is left', async () => {
    const commit = { repo: folder, sha: 'a'.repeat(40), env: {} }
    await expect(starved(() => text(archive(git, commit, never)))).rejects.toThrow(told)
    const reading = () => withObjects(git, commit, never, async () => 'read')
    await expect(starved(reading)).rejects.toThrow(told)
  })
})
