// Does a person's way through the platform work on Docker as it does on one machine and on Kubernetes?
import type { Pod } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp, newCheckout, settings } from './app.ts'
import { type Person, registered } from './client.ts'
import { containersOf, docker, type EnginePlatform, startOnDocker, testEngine } from './engine.ts'
import { ask, callApi } from './http.ts'
import { until } from './until.ts'

type Inspected = {
  Image: string
  Config: { Image: string; Env: string[]; User: string }
  HostConfig: {
    Memory: number
    NanoCpus: number
    PidsLimit: number
    SecurityOpt: string[]
    PortBindings: object | null
  }
}

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let platform: EnginePlatform
  let ann: Person
  beforeAll(async () => {
    platform = await startOnDocker({ DEIS_DOCKER_LOCAL_IMAGES: 'true' })
    ann = await registered(platform, 'ann')
  })
  afterAll(() => platform?.stop())

  const podsOf = async (app: string): Promise<Pod[]> => {
    const { body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${app}/pods/`)
    return (JSON.parse(body) as { results: Pod[] }).results
  }
  const inspected = async (app: string): Promise<Inspected[]> =>
    JSON.parse(await docker('inspect', ...(await containersOf(app)))) as Inspected[]
  const image = (): string => `${platform.registry}/stack:1`
  const small = (): string => `${platform.registry}/busybox:1`
  const httpd = `EXPOSE 7070\nCMD ["httpd", "-f", "-p", "7070", "-h", "/srv"]\n`
  const program = (text: string): string =>
    `require('http').createServer((q,s)=>s.end(JSON.stringify({said:process.env.GREETING||'${text}',pod:process.env.HOSTNAME,release:process.env.WORKFLOW_RELEASE}))).listen(process.env.PORT)`
  const answer = async (app: string): Promise<{ said: string; pod: string; release: string }> => {
    const { status, body } = await ask(platform, app)
    if (status !== 200) throw new Error(`${app} answers ${status}: ${body}`)
    return JSON.parse(body) as { said: string; pod: string; release: string }
  }

  describe.sequential('an image', () => {
    let app: string
    let checkout: Checkout
    beforeAll(async () => {
      app = platform.name('tea')
      checkout = await newCheckout(ann, app, { Dockerfile: 'FROM scratch\n' })
      await checkout.does('create', app)
      expect((await ask(platform, app)).status).toBe(503)
    })

    test('deis pull deploys it, and it answers', async () => {
      await checkout.does('config:set', 'PORT=8080')
      await checkout.does('pull', image(), `--procfile=web: node -e "${program('hello')}"`)
      await until({ what: 'it answers' }, () => answer(app))
      expect(await answer(app)).toMatchObject({ said: 'hello', release: 'v3' })
      const [{ Config, HostConfig } = { Config: null, HostConfig: null }] = await inspected(app)
      expect(Config?.Image).toMatch(/sha256:[0-9a-f]{64}$/)
      // Nothing of it can be reached from outside this machine, and it cannot get more rights.
      expect(HostConfig).toMatchObject({ SecurityOpt: expect.arrayContaining(['no-new-privileges=true']) as string[] })
      expect(HostConfig?.PidsLimit).toBeGreaterThan(0)
      for (const published of Object.values(HostConfig?.PortBindings ?? {}) as { HostIp: string }[][])
        for (const { HostIp } of published) expect(HostIp).toBe('127.0.0.1')
    })

    test('deis scale web=4 spreads the requests over four containers, and back', async () => {
      await checkout.does('scale', 'web=4')
      const pods = await podsOf(app)
      expect(pods.map(({ state, release }) => [state, release])).toEqual(Array.from({ length: 4 }, () => ['up', 'v3']))
      const seen = new Set<string>()
      await until({ what: 'all four answered' }, async () => seen.add((await answer(app)).pod).size === 4)
      await checkout.does('scale', 'web=1')
      await until({ what: 'one is left' }, async () => (await containersOf(app)).length === 1)
    })

    test('deis config:set makes a release with the new value; rollback brings the old one back', async () => {
      const before = (await inspected(app))[0]?.Image
      await checkout.does('config:set', 'GREETING=bonjour')
      await until({ what: 'the new value in v4' }, async () => {
        const { said, release } = await answer(app)
        return said === 'bonjour' && release === 'v4'
      })
      await checkout.does('rollback', 'v3')
      await until({ what: 'the old value in v5' }, async () => {
        const { said, release } = await answer(app)
        return said === 'hello' && release === 'v5'
      })
      await until({ what: 'one is left' }, async () => (await containersOf(app)).length === 1)
      expect((await inspected(app))[0]?.Image).toBe(before)
    })

    test('deis limits:set is what the engine enforces', async () => {
      await checkout.does('limits:set', 'web=64M/128M')
      await checkout.does('limits:set', '--cpu', 'web=500m')
      await until({ what: 'one is left' }, async () => (await containersOf(app)).length === 1)
      expect((await inspected(app))[0]?.HostConfig).toMatchObject({ Memory: 128 * 2 ** 20, NanoCpus: 5e8 })
      await checkout.does('limits:unset', 'web')
      await checkout.does('limits:unset', '--cpu', 'web')
    })

    test('deis restart replaces the containers by name and by type', async () => {
      const replaced = async (which: string, old: string | undefined): Promise<void> => {
        await checkout.does('ps:restart', which)
        await until({ what: 'another one' }, async () => {
          const pods = await podsOf(app)
          return pods.length === 1 && pods[0]?.state === 'up' && pods[0].name !== old
        })
      }
      const [first] = await podsOf(app)
      await replaced(first?.name ?? '', first?.name)
      const [second] = await podsOf(app)
      await replaced('web', second?.name)
    })

    test('deis run gives the output and the exit code, and leaves no container', async () => {
      const good = await checkout.deis('run', '--', 'echo "of $DEIS_APP"; exit 0')
      expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining(`of ${app}`) as string })
      expect((await checkout.deis('run', '--', 'echo broken >&2; exit 23')).code).toBe(23)
      expect(
        await docker(
          'ps',
          '--all',
          '--quiet',
          '--filter',
          `label=io.deis.app=${app}`,
          '--filter',
          'label=io.deis.kind=run',
        ),
      ).toBe('')
    })

    test('deis logs has lines of containers, also of those that have gone, and of the controller', async () => {
      await checkout.does('run', '--', 'echo a line from a container that goes')
      const shown = await until({ what: 'the line' }, async () => {
        const text = await checkout.does('logs', '-n', '500')
        return text.includes('a line from a container that goes') && text
      })
      expect(shown).toContain('ann rolled back to v3')
    })

    test('a deploy that crashes is told with its last lines, and changes nothing', async () => {
      const before = await answer(app)
      const failed = await checkout.deis('pull', image(), '--procfile=web: echo no database; exit 7')
      expect(failed.code).not.toBe(0)
      for (const cause of ['no database', /\b7\b/, 'Rolling back']) expect(failed.stderr).toMatch(cause)
      expect(await answer(app)).toEqual(before)
      await until({ what: 'one is left' }, async () => (await containersOf(app)).length === 1)
    })

    test('a deploy that needs more memory than its limit says so', async () => {
      const eats = `const all=[];setInterval(()=>all.push(Buffer.alloc(20e6,1)),5)`
      await checkout.does('limits:set', 'web=128M')
      const failed = await checkout.deis('pull', image(), `--procfile=web: node -e "${eats}"`)
      expect(failed.code).not.toBe(0)
      expect(failed.stderr).toMatch(/memory/i)
      await checkout.does('limits:unset', 'web')
    })

    test('an image that does not exist is refused before anything is made', async () => {
      const { code, stderr } = await checkout.deis('pull', `${platform.registry}/no-such-image:7`)
      expect(code).not.toBe(0)
      expect(stderr).toContain('no-such-image')
    })

    test('deis destroy leaves nothing', async () => {
      await checkout.does('destroy', `--confirm=${app}`)
      expect(await platform.left()).toEqual([])
      expect((await ask(platform, app)).status).toBe(404)
    })
  })

  test('deis pull deploys an image that only the engine has, the one that had the name then', async () => {
    const local = platform.name('local')
    const name = `deis-test/${local}:1`
    const checkout = await newCheckout(ann, local, { Dockerfile: 'FROM scratch\n' })
    await checkout.does('create', local)
    const build = async (said: string): Promise<string> => {
      const page = `RUN mkdir /srv && echo '{"said":"${said}"}' > /srv/index.html`
      await checkout.commit({ Dockerfile: `FROM ${small()}\n${page}\n${httpd}` })
      return docker('build', '--quiet', '--tag', name, checkout.folder)
    }
    const ids = [await build('first')]
    try {
      await checkout.does('pull', name)
      await until({ what: 'it answers' }, async () => (await answer(local)).said === 'first')
      ids.push(await build('second'))
      await checkout.does('config:set', 'A=1')
      expect((await inspected(local)).map(({ Image }) => Image)).toContain(ids[0])
      expect((await answer(local)).said).toBe('first')
      await checkout.does('pull', name)
      await until({ what: 'the new one answers' }, async () => (await answer(local)).said === 'second')
    } finally {
      await checkout.does('destroy', `--confirm=${local}`)
      await docker('rmi', '--force', ...ids)
    }
  })

  describe.sequential('git push', () => {
    test('of a Node app with a stack image of the operator`s: a slug on it, a release that answers, rollback', async () => {
      const shop = await newApp(ann, platform.name('shop'))
      const output = await shop.deploy({ 'package.json': '{ "name": "shop", "private": true }' })
      expect(output).toContain('Node.js app detected')
      expect(output).toContain(`${shop.app}:v2 deployed to Workflow`)
      const told = async (message: string, release: string): Promise<void> => {
        await until({ what: `${message} in ${release}` }, async () => {
          const { body } = await ask(platform, shop.app)
          return body.includes(`"message":"${message}"`) && body.includes(`"release":"${release}"`)
        })
      }
      await told('hello', 'v2')
      await shop.deploy(settings({ message: 'again' }))
      await told('again', 'v3')
      await shop.does('rollback', 'v2')
      await told('hello', 'v4')
      await shop.does('scale', 'web=1', 'worker=1')
      expect((await podsOf(shop.app)).map(({ type }) => type).toSorted()).toEqual(['web', 'worker'])
      await shop.does('destroy', `--confirm=${shop.app}`)
    })

    test('of a Dockerfile: built by the engine, its exposed port found, deis scale cmd=10', async () => {
      const app = platform.name('docked')
      const docked = await newApp(ann, app, {
        Dockerfile: `FROM ${small()}\nCOPY page /srv/page\nRUN sed 's/raw/built/' /srv/page > /srv/index.html\n${httpd}`,
        page: '{"said":"raw"}',
      })
      expect(await docked.deploy()).toContain(`${app}:v2 deployed to Workflow`)
      await until({ what: 'it answers' }, async () => (await answer(app)).said === 'built')
      await docked.does('scale', 'cmd=10')
      const pods = await podsOf(app)
      expect(pods).toHaveLength(10)
      expect(new Set(pods.map(({ state, type }) => `${type} ${state}`))).toEqual(new Set(['cmd up']))
      await docked.does('destroy', `--confirm=${app}`)
      expect(await platform.left()).toEqual([])
    })

    test('that fails to build is declined with the cause; the same push works once mended', async () => {
      const app = platform.name('broken')
      const broken = await newApp(ann, app, { Dockerfile: `FROM ${small()}\nRUN echo nearly && exit 9\n` })
      const first = await broken.push()
      expect(first.code).not.toBe(0)
      expect(first.stderr).toContain('nearly')
      expect(first.stderr).toContain('failed to push some refs')
      await broken.deploy({
        Dockerfile: `FROM ${small()}\nRUN mkdir /srv && echo '{"said":"mended"}' > /srv/index.html\n${httpd}`,
      })
      await until({ what: 'it answers' }, async () => (await answer(app)).said === 'mended')
      await broken.does('destroy', `--confirm=${app}`)
    })
  })
})
