// Does a person's way through the platform work on Kubernetes as it does on one machine?
import type { Pod } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp, newCheckout, settings } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, objects, startOnCluster, testCluster } from './cluster.ts'
import { ask, callApi, self, serving } from './http.ts'
import { until } from './until.ts'

type Deployment = {
  metadata: { labels: Record<string, string>; annotations: Record<string, string>; generation: number }
  spec: { replicas: number; template: { spec: { containers: { image: string; env?: { name: string }[] }[] } } }
}

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let ann: Person
  beforeAll(async () => {
    platform = await startOnCluster()
    ann = await registered(platform, 'ann')
  })
  afterAll(() => platform?.stop())

  const podsOf = async (app: string): Promise<Pod[]> => {
    const { body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${app}/pods/`)
    return (JSON.parse(body) as { results: Pod[] }).results
  }
  const deployment = (app: string, type: string): Promise<Deployment> =>
    objects('deployment', `${app}-${type}`, `--namespace=${app}`)
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
    })

    test('the new app has its namespace and its Service', async () => {
      const found = await objects<{ metadata: { labels: object; annotations: object }; spec: { selector: object } }>(
        'service',
        app,
        `--namespace=${app}`,
      )
      expect(found.metadata.labels).toMatchObject({ app, heritage: 'deis' })
      expect(found.metadata.annotations).toMatchObject({ 'router.deis.io/domains': app })
      expect((await ask(platform, app)).status).toBe(503)
    })

    test('deis pull deploys it by digest, and it answers', async () => {
      await checkout.does('config:set', 'PORT=8080')
      await checkout.does('pull', image(), `--procfile=web: node -e "${program('hello')}"`)
      await until({ what: 'it answers' }, () => answer(app))
      expect(await answer(app)).toMatchObject({ said: 'hello', release: 'v3' })
      const { spec } = await deployment(app, 'web')
      expect(spec.template.spec.containers[0]?.image).toMatch(/^[^@]+\/stack@sha256:[0-9a-f]{64}$/)
    })

    test('deis scale web=4 spreads the requests over four pods, and back', async () => {
      await checkout.does('scale', 'web=4')
      const pods = await podsOf(app)
      expect(pods.map(({ state, release }) => [state, release])).toEqual(Array.from({ length: 4 }, () => ['up', 'v3']))
      const seen = new Set<string>()
      await until({ what: 'all four answered' }, async () => seen.add((await answer(app)).pod).size === 4)
      await checkout.does('scale', 'web=1')
      await until({ what: 'one is left' }, async () => (await podsOf(app)).length === 1)
    })

    test('deis config:set makes a release with the new value; rollback brings the old one back', async () => {
      await checkout.does('config:set', 'GREETING=bonjour')
      await until({ what: 'the new value in v4' }, async () => {
        const { said, release } = await answer(app)
        return said === 'bonjour' && release === 'v4'
      })
      const before = await deployment(app, 'web')
      await checkout.does('rollback', 'v3')
      // Before the node has forgotten the pods of v4 it may send one request more to them.
      await until({ what: 'the old value in v5' }, async () => {
        const { said, release } = await answer(app)
        return said === 'hello' && release === 'v5'
      })
      expect((await deployment(app, 'web')).spec.template.spec.containers[0]?.image).toBe(
        before.spec.template.spec.containers[0]?.image,
      )
    })

    test('config values are in a Secret, not in the pod template', async () => {
      await checkout.does('config:set', 'PASSWORD=swordfish')
      const [objects, secrets] = await Promise.all([
        kubectl('get', 'deployments,replicasets,pods,services', `--namespace=${app}`, '--output=json'),
        kubectl('get', 'secrets', `--namespace=${app}`, '--output=json'),
      ])
      expect(objects).not.toContain('swordfish')
      expect(secrets).toContain(Buffer.from('swordfish').toString('base64'))
    })

    test('deis restart replaces the pods by name and by type', async () => {
      const [old] = await podsOf(app)
      await checkout.does('ps:restart', old?.name ?? '')
      await until({ what: 'another pod' }, async () => {
        const pods = await podsOf(app)
        return pods.length === 1 && pods[0]?.state === 'up' && pods[0].name !== old?.name
      })
      const [second] = await podsOf(app)
      await checkout.does('ps:restart', 'web')
      await until({ what: 'a third pod' }, async () => {
        const pods = await podsOf(app)
        return pods.length === 1 && pods[0]?.state === 'up' && pods[0].name !== second?.name
      })
    })

    test('deis run gives the output and the exit code', async () => {
      const good = await checkout.deis('run', '--', 'echo "$WORKFLOW_RELEASE of $DEIS_APP"; exit 0')
      expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining(`v6 of ${app}`) as string })
      expect((await checkout.deis('run', '--', 'echo broken >&2; exit 23')).code).toBe(23)
      expect(await kubectl('get', 'pods', `--namespace=${app}`, '--selector=type=run', '--output=name')).toBe('')
    })

    test('deis logs has lines of pods, also of those that have gone, and of the controller', async () => {
      await checkout.does('run', '--', 'echo a line from a pod that goes')
      const shown = await until({ what: 'the line' }, async () => {
        const text = await checkout.does('logs', '-n', '500')
        return text.includes('a line from a pod that goes') && text
      })
      expect(shown).toContain('ann rolled back to v3')
    })

    test('deis tags:set refuses what no node has', async () => {
      const refused = await checkout.deis('tags:set', 'disk=made-of-cheese')
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain('No nodes matched the provided labels')
      const releases = await checkout.does('releases')
      expect(releases).not.toContain('disk')
    })

    test('deis destroy leaves nothing', async () => {
      await checkout.does('destroy', `--confirm=${app}`)
      expect(await kubectl('get', 'namespace', app, '--ignore-not-found', '--output=name')).toBe('')
      expect((await ask(platform, app)).status).toBe(404)
    })
  })

  test('a name that the cluster has already is refused, and stays free', async () => {
    const taken = await ann.deis(['create', 'default', '--no-remote'])
    expect(taken.code).not.toBe(0)
    expect(taken.stderr).toContain('default already exists as a namespace')
    expect(await ann.does(['apps:list'])).not.toContain('default')
  })

  test('an image that does not exist is refused before anything is made', async () => {
    const app = platform.name('missing')
    const checkout = await newCheckout(ann, app, { file: 'x' })
    await checkout.does('create', app)
    const { code, stderr } = await checkout.deis('pull', `${platform.registry}/no-such-image:7`)
    expect(code).not.toBe(0)
    expect(stderr).toContain('no-such-image')
    expect(await checkout.does('releases')).not.toContain('v2')
    await checkout.does('destroy', `--confirm=${app}`)
  })

  describe.sequential('git push', () => {
    test('of a Node app: a buildpack build in the cluster, an image, a release that answers', async () => {
      const shop = await newApp(ann, platform.name('shop'))
      const output = await shop.deploy({ 'package.json': '{ "name": "shop", "private": true }' })
      expect(output).toContain('Node.js app detected')
      expect(output).toContain(`${shop.app}:v2 deployed to Workflow`)
      await serving(platform, shop.app, { message: 'hello', release: 'v2' })
      expect((await self(platform, shop.app)).uid).toBe(1000)
      const { spec } = await deployment(shop.app, 'web')
      expect(spec.template.spec.containers[0]?.image).toContain(`@sha256:`)
      await shop.deploy(settings({ message: 'again' }))
      await serving(platform, shop.app, { message: 'again', release: 'v3' })
      await shop.does('rollback', 'v2')
      await serving(platform, shop.app, { message: 'hello', release: 'v4' })
      await shop.does('scale', 'web=1', 'worker=1')
      expect((await podsOf(shop.app)).map(({ type }) => type).toSorted()).toEqual(['web', 'worker'])
      await shop.does('destroy', `--confirm=${shop.app}`)
    })

    test('of a Dockerfile: built in a pod, its exposed port found, deis scale cmd=10', async () => {
      const app = platform.name('docked')
      const docked = await newApp(ann, app, {
        Dockerfile: `FROM ${small()}\nCOPY page /srv/page\nRUN sed 's/raw/built/' /srv/page > /srv/index.html\n${httpd}`,
        page: '{"said":"raw"}',
      })
      const output = await docked.deploy()
      expect(output).toContain(`${app}:v2 deployed to Workflow`)
      await until({ what: 'it answers' }, async () => (await answer(app)).said === 'built')
      await docked.does('scale', 'cmd=10')
      const pods = await podsOf(app)
      expect(pods).toHaveLength(10)
      expect(new Set(pods.map(({ state, type }) => `${type} ${state}`))).toEqual(new Set(['cmd up']))
      await docked.does('scale', 'cmd=1')
      await docked.does('destroy', `--confirm=${app}`)
    })

    test('that fails to build is declined with the cause; the same push works once mended', async () => {
      const app = platform.name('broken')
      const broken = await newApp(ann, app, { Dockerfile: `FROM ${small()}\nRUN echo nearly && exit 9\n` })
      const first = await broken.push()
      expect(first.code).not.toBe(0)
      expect(first.stderr).toContain('nearly')
      expect(first.stderr).toContain('failed to push some refs')
      const jobs = await kubectl('get', 'jobs,pods', `--namespace=${platform.name('builds')}`, '--output=name')
      expect(jobs).toBe('')
      await broken.deploy({
        Dockerfile: `FROM ${small()}\nRUN mkdir /srv && echo '{"said":"mended"}' > /srv/index.html\n${httpd}`,
      })
      await until({ what: 'it answers' }, async () => (await answer(app)).said === 'mended')
      await broken.does('destroy', `--confirm=${app}`)
    })

    test('that is interrupted does not kill the build', async () => {
      const slow = await newApp(ann, platform.name('slow'), {
        Dockerfile: `FROM ${small()}\nRUN sleep 3; mkdir /srv; echo '{"said":"patience"}' > /srv/index.html\n${httpd}`,
      })
      const push = slow.startPush()
      await push.says('RUN sleep 3')
      push.signal('SIGINT')
      await push.ended
      await until({ what: 'it was deployed all the same', seconds: 90 }, async () => (await answer(slow.app)).said)
      await slow.does('destroy', `--confirm=${slow.app}`)
    })
  })
})
