// Do builds, pulls and apps that fill the disk of the engine hurt nobody else, and do they work again once there is space?
import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type EnginePlatform, startOnDocker } from './engine.ts'
import { ask } from './http.ts'
import { isSmallEnginePossible, type SmallEngine, startSmallEngine } from './small-engine.ts'
import { until } from './until.ts'

const megabytes = 160
const full = 'The disk of the Docker Engine is full, most likely. Caches of builds were deleted: push again.'

describe.skipIf(!isSmallEnginePossible).sequential('on a Docker Engine with a small disk', () => {
  let engine: SmallEngine
  let platform: EnginePlatform
  let ann: Person
  let tea: Checkout
  let hog: Checkout
  beforeAll(async () => {
    engine = await startSmallEngine(megabytes)
    platform = await startOnDocker({ DEIS_DOCKER_HOST: engine.host, DEIS_DOCKER_SUBNETS: '10.206.0.0/20' })
    ann = await registered(platform, 'ann')
    tea = await newApp(ann, platform.name('tea'), { Dockerfile: dockerfile('tea') })
    hog = await newApp(ann, platform.name('hog'), { Dockerfile: dockerfile('hog') })
    // For an image that exposes none.
    await tea.does('config:set', 'PORT=7070')
    await tea.deploy()
    await hog.deploy()
    await until({ what: 'both answer' }, async () => (await answers('tea')) && answers('hog'))
  })
  afterAll(async () => {
    await platform?.stop()
    await engine?.stop()
  })

  const dockerfile = (text: string, ...more: string[]): string =>
    [
      `FROM ${platform.registry}/busybox:1`,
      `RUN mkdir -p /www && echo ${text} > /www/index.html`,
      ...more,
      'EXPOSE 7070',
      'CMD ["httpd", "-f", "-p", "7070", "-h", "/www"]',
      '',
    ].join('\n')
  const answers = async (app: string): Promise<boolean> =>
    (await ask(platform, platform.name(app))).body.startsWith(app)
  /** Another app is asked all the while. */
  const meanwhile = async <T>(work: () => Promise<T>): Promise<T> => {
    const over = new AbortController()
    const failed: string[] = []
    const asking = (async () => {
      for (let count = 0; !over.signal.aborted || count < 10; count++) {
        const { status, body } = await ask(platform, tea.app)
        if (status !== 200) failed.push(`${status} ${body}`)
        await sleep(20)
      }
    })()
    try {
      return await work()
    } finally {
      over.abort()
      await asking
      expect(failed).toEqual([])
    }
  }
  /** Without the marks of lines that git breaks. */
  const joined = (text: string): string => text.replaceAll(/\s*\nremote:\s*/g, ' ')
  const fill = (path: string): string => `dd if=/dev/zero of=${path} bs=1M`
  const fillByHog = async (): Promise<void> => {
    const { code, stdout, stderr } = await hog.deis('exec', 'cmd', '--', fill('/filled'))
    expect([code, `${stdout}${stderr}`]).toEqual([1, expect.stringContaining('No space left on device')])
    expect(await engine.free()).toBeLessThan(1e6)
  }

  const fillingBuild = (): string => dockerfile('hog', `RUN ${fill('/first')} count=40`, `RUN ${fill('/filled')}`)
  const failsAndLeavesNothing = async (): Promise<void> => {
    const before = await engine.free()
    const { code, stderr } = await meanwhile(() => hog.push())
    expect([code, stderr]).toEqual([1, expect.stringContaining('No space left on device')])
    expect(joined(stderr)).toContain(full)
    expect(await answers('hog')).toBe(true)
    await until({ what: 'what the build took is free' }, async () => (await engine.free()) > before - 10e6)
  }

  test('a build that fills it says so, and leaves it as it was', async () => {
    await hog.commit({ Dockerfile: fillingBuild() })
    await failsAndLeavesNothing()
    await hog.deploy({ Dockerfile: dockerfile('hog again') })
  })

  test('the same by the classic builder', async () => {
    await hog.commit({ Dockerfile: null, real: fillingBuild() })
    await symlink('real', join(hog.folder, 'Dockerfile'))
    await hog.commit({})
    await failsAndLeavesNothing()
    await rm(join(hog.folder, 'Dockerfile'))
    await hog.deploy({ Dockerfile: dockerfile('hog once more') })
  })

  test('an app that fills it hurts itself only', async () => {
    await meanwhile(fillByHog)
    expect(await answers('hog')).toBe(true)
    expect(await ann.does(['exec', 'cmd', '-a', tea.app, '--', 'echo here'])).toContain('here')
  })

  test('a push, a pull, config, a restart, scaling and a command say that it is full, and what runs goes on', async () => {
    await tea.commit({ Dockerfile: dockerfile('tea', 'RUN head -c 9000000 /dev/zero > /more') })
    await meanwhile(async () => {
      const pushed = await tea.push()
      expect([pushed.code, joined(pushed.stderr)]).toEqual([1, expect.stringContaining(full)])
      for (const args of [
        ['pull', `${platform.registry}/stack:1`, '--procfile=web: sleep 600'],
        ['config:set', 'A=1'],
        ['ps:restart'],
        ['scale', 'cmd=2'],
        ['run', '--', 'echo here'],
      ]) {
        const { code, stderr } = await tea.deis(...args)
        expect([code, stderr], args[0]).toEqual([1, expect.stringMatching(/no space left on device/i)])
        expect(stderr, args[0]).toMatch(/The disk is full: free some space \(docker system df\)/)
      }
    })
    expect((await tea.deis('doctor')).stdout).toMatch(/limited +disk of Docker .*free some space/)
    expect(await tea.does('ps')).toMatch(/ up \(v3\)/)
    // One that was not deployed is named as such.
    const builds = await tea.does('builds')
    expect(builds).toMatch(/ deploy failed\n.*Z\n$/s)
  })

  test('when there is space again, a push works again', async () => {
    await hog.does('destroy', '--confirm', hog.app)
    await until({ what: 'there is space', seconds: 60 }, async () => (await engine.free()) > 50e6)
    await tea.deploy()
    expect(await answers('tea')).toBe(true)
  })
})
