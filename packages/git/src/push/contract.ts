// What holds for every push, whichever way it comes? Run over SSH and over HTTPS.
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Copy, deferred, outcome, type Platform, refsOf, remoteLines, run, type User } from '../fixture.ts'

export type Way = {
  readonly ann: User
  readonly platform: Platform
  readonly copy: Copy
  /** Of an app's repository, at the address of the moment. */
  url(app: string): string
}

/** `way`: of the test that runs. `refusal`: how git prints a refusal that comes before anything is sent. */
export function testPushes(way: () => Way, refusal: (text: string) => unknown): void {
  test('a push is shown live and moves the ref; clones and later fetches get it', async () => {
    const { ann, platform, copy, url } = way()
    const finish = deferred()
    platform.state.deploy = async (push) => {
      push.output('first\n')
      await finish.resolved
    }
    const child = copy.start('push', url('app'), 'main')
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      if (remoteLines(stderr).includes('first')) finish.resolve()
    })
    expect((await outcome(child)).code).toBe(0)
    expect(stderr).toContain(' * [new branch]      main -> main\n')
    expect(platform.state.deployed).toEqual([
      { app: 'app', sha: copy.sha, ref: 'refs/heads/main', username: 'ann', options: [] },
    ])
    expect(await refsOf(platform)).toBe(`${copy.sha} refs/heads/main\n`)
    expect(await copy.git('push', url('app'), 'main')).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
    const back = join(platform.folder, 'back')
    expect((await copy.git('clone', '-q', url('app'), back)).code).toBe(0)
    const next = await copy.commit({ b: '2' })
    expect((await copy.git('push', '-o', 'no-cache', url('app'), 'main')).code).toBe(0)
    expect(platform.state.deployed.at(-1)?.options).toEqual(['no-cache'])
    expect((await run('git', ['pull', '-q'], back, ann.env)).code).toBe(0)
    expect((await run('git', ['rev-parse', 'HEAD'], back, ann.env)).stdout.trim()).toBe(next)
  })

  test('a failed deploy declines the push, and the same push can be repeated', async () => {
    const { platform, copy, url } = way()
    platform.state.deploy = async (push) => {
      push.output('building\n')
      throw new Error('Build pod exited with code 1, stopping build.\nSee above.')
    }
    const declined = await copy.git('push', url('app'), 'main')
    expect(declined.code).toBe(1)
    expect(remoteLines(declined.stderr)).toEqual([
      'building',
      'Build pod exited with code 1, stopping build.',
      'See above.',
    ])
    expect(declined.stderr).toContain(' ! [remote rejected] main -> main (pre-receive hook declined)\n')
    expect(declined.stderr).toContain('error: failed to push some refs to ')
    expect(await refsOf(platform)).toBe('')
    platform.state.deploy = async () => {}
    expect((await copy.git('push', url('app'), 'main')).code).toBe(0)
  })

  const ongoing = { code: 128, stderr: 'fatal: remote error: Another git push is ongoing\n' }

  test('one push of an app at a time; fetches and other apps do not wait', async () => {
    const { platform, copy, url } = way()
    const started = deferred()
    const finish = deferred()
    platform.state.deploy = async (push) => {
      if (push.app !== 'app') return
      started.resolve()
      await finish.resolved
    }
    const first = outcome(copy.start('push', url('app'), 'main'))
    await started.resolved
    expect(platform.server.isPushing('app')).toBe(true)
    expect(await copy.git('push', url('app'), 'main')).toMatchObject(ongoing)
    expect((await copy.git('ls-remote', url('app'))).code).toBe(0)
    expect((await copy.git('push', url('other'), 'main')).code).toBe(0)
    finish.resolve()
    expect((await first).code).toBe(0)
    expect(platform.server.isPushing('app')).toBe(false)
  })

  test('a client that is killed does not end its push', async () => {
    const { platform, copy, url } = way()
    const started = deferred()
    const finish = deferred()
    const done = deferred()
    platform.state.deploy = async (push) => {
      started.resolve()
      await finish.resolved
      for (let n = 0; n < 5000; n++) push.output(`line ${n} that nobody reads any more, and more than any pipe holds\n`)
      done.resolve()
    }
    const child = copy.start('push', url('app'), 'main')
    const ended = outcome(child)
    await started.resolved
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    await ended
    expect(await copy.git('push', url('app'), 'main')).toMatchObject(ongoing)
    finish.resolve()
    await done.resolved
    let again = await copy.git('push', url('app'), 'main')
    // The ref moves a moment after the deploy, and until then there is a push.
    while (again.stderr.includes('ongoing')) again = await copy.git('push', url('app'), 'main')
    expect(again).toMatchObject({ code: 0, stderr: 'Everything up-to-date\n' })
  })

  test('who may not push or fetch is told so before anything is shown', async () => {
    const { platform, copy, url } = way()
    expect((await copy.git('push', url('app'), 'main')).code).toBe(0)
    platform.state.permission = () => 'no app'
    const unknown = { code: 128, stderr: refusal('App app does not exist') }
    expect(await copy.git('push', url('app'), 'main')).toMatchObject(unknown)
    expect(await copy.git('ls-remote', url('app'))).toMatchObject(unknown)
    platform.state.permission = () => 'forbidden'
    const push = refusal('You do not have permission to push to app')
    const fetch = refusal('You do not have permission to fetch from app')
    expect(await copy.git('push', url('app'), 'main')).toMatchObject({ code: 128, stderr: push })
    expect(await copy.git('ls-remote', url('app'))).toMatchObject({ code: 128, stderr: fetch })
    platform.state.permission = () => {
      throw new Error('database is down: secret')
    }
    expect(await copy.git('ls-remote', url('app'))).toMatchObject({
      code: 128,
      stderr: 'fatal: remote error: The platform failed to do this, for a reason of its own: try again in a moment\n',
    })
  })

  test('a push that is too large is declined, and its client reads why', async () => {
    const { platform, copy, url } = way()
    await platform.restart({ maxPackBytes: 100_000 })
    await writeFile(join(copy.folder, 'large'), randomBytes(2_000_000))
    await copy.commit({})
    // Over HTTP, larger ones are sent in pieces.
    const { code, stderr } = await copy.git('-c', 'http.postBuffer=65536', 'push', url('app'), 'main')
    expect(code).toBe(1)
    expect(stderr).toContain('pack exceeds maximum allowed size')
    expect(platform.state.deployed).toEqual([])
  })

  test('an app that is destroyed takes its push with it', async () => {
    const { platform, copy, url } = way()
    const started = deferred()
    platform.state.deploy = async (push) => {
      started.resolve()
      await new Promise((resolve) => push.signal.addEventListener('abort', resolve))
      throw push.signal.reason
    }
    const pushing = outcome(copy.start('push', url('app'), 'main'))
    await started.resolved
    platform.state.permission = () => 'no app'
    await platform.server.cancelPushes('app')
    expect(platform.server.isPushing('app')).toBe(false)
    const result = await pushing
    expect(result.code).toBe(1)
    expect(remoteLines(result.stderr).filter((line) => line !== '...')).toEqual([
      'App app is being destroyed: the push was cancelled.',
    ])
    await platform.server.cancelPushes('app')
  })
}
