// Can the platform be installed on a cluster, work there, be upgraded under load, and be removed without a trace?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp } from './app.ts'
import { password, type Person, newPerson } from './client.ts'
import { testCluster, kubectl, objects } from './cluster.ts'
import { deleting } from './controller-pod.ts'
import { changeSteps, type Point, type PushPoint, pushSteps, type Stage } from './gone-steps.ts'
import { ask, serving } from './http.ts'
import { install, type Installation, type Pod } from './installation.ts'
import { startLoad } from './load.ts'
import { openLossyProxy } from './lossy-proxy.ts'
import { until } from './until.ts'

const leastRequests = 3_000

/** Of all moments, which processes see, those in which something is under way on the cluster. A deploy takes seconds here. */
const changePoints: readonly Point[] = [
  { name: '400 ms after it was passed on', when: 'passed', ms: 400 },
  { name: 'when it has answered, which is lost', when: 'answer', ms: 0 },
]
const pushPoints: readonly PushPoint[] = [
  { says: 'Starting build', ms: 0 },
  { says: 'Launching App...', ms: 200 },
]

/** Answers with its pod and release; a POST is answered with its body. */
const program = [
  "require('http').createServer((q,s)=>",
  "q.method==='POST'?q.pipe(s):s.end(JSON.stringify({pod:process.env.HOSTNAME,release:process.env.WORKFLOW_RELEASE}))",
  ').listen(process.env.PORT)',
].join('')

describe.skipIf(!testCluster).sequential('installed on a cluster', () => {
  let platform: Installation
  let ann: Person
  let app: string

  beforeAll(async () => {
    platform = await install()
    ann = await newPerson(platform, 'ann')
    app = `${platform.namespace}-tea`
  }, 600_000)
  afterAll(() => platform?.clear(), 120_000)

  const answer = async (): Promise<{ pod: string; release: string }> => {
    const { status, body } = await ask(platform, app)
    if (status !== 200) throw new Error(`${app} answers ${status}: ${body}`)
    return JSON.parse(body) as { pod: string; release: string }
  }
  const appPods = async (): Promise<string[]> => {
    const { items } = await objects<{ items: Pod[] }>('pods', '-n', app, '--selector=heritage=deis')
    // What a change before has told to end may still be ending.
    const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return staying.map(({ metadata }) => metadata.uid).toSorted()
  }

  test('the registration token of the Secret makes the first admin, and nobody else may register', async () => {
    const account = ['--username=ann', `--password=${password}`, '--email=ann@example.com']
    const stranger = await newPerson(platform, 'eve')
    expect((await stranger.deis(['register', platform.api, ...account.with(0, '--username=eve')])).code).not.toBe(0)
    const token = `--token=${await platform.registrationToken()}`
    expect(await ann.does(['register', platform.api, ...account, token])).toContain('Registered ann')
    const bob = await newPerson(platform, 'bob')
    const refused = await bob.deis(['register', platform.api, ...account.with(0, '--username=bob')])
    expect(refused.code).not.toBe(0)
  })

  test('the API is also reached through the router, as deis.<domain>', async () => {
    const { status } = await until({ what: 'the router knows the API' }, async () => {
      const found = await ask(platform, 'deis', { path: '/v2/' })
      return found.status !== 404 && found
    })
    expect(status).toBe(401)
  })

  test('deis doctor finds no right missing', async () => {
    const said = await ann.does(['doctor'])
    expect(said).not.toMatch(/may not/)
    expect(said).toContain('the platform may create and delete what apps need')
  })

  test('an image is deployed and answers through the routers of the cluster', async () => {
    await ann.does(['apps:create', app, '--no-remote'])
    await ann.does(['config:set', 'PORT=5000', '-a', app])
    await ann.does(['pull', `${platform.registry}/stack:1`, '-a', app, `--procfile=web: node -e "${program}"`])
    await until({ what: 'it answers' }, answer)
    await ann.does(['scale', 'web=3', '-a', app])
    const seen = new Set<string>()
    // Connections of a router are used for 3 s, so that it takes a few of them to meet all pods.
    await until({ what: 'all three answered', seconds: 60 }, async () => seen.add((await answer()).pod).size === 3)
  })

  test('git push builds in the cluster, with node out of the image of the platform', async () => {
    await ann.does(['keys:add'])
    const shop = await newApp(ann, `${platform.namespace}-shop`)
    expect(await shop.deploy()).toContain(`http://${shop.app}.localhost:${platform.routerPort}`)
    await serving(platform, shop.app, { message: 'hello', release: 'v2' })
    await shop.does('destroy', `--confirm=${shop.app}`)
  })

  test('deploys, scaling, rollback and a restart of the controller drop no request', async () => {
    const load = startLoad(platform, app, { clients: 12, pauseMs: 2 })
    await ann.does(['config:set', 'STEP=1', '-a', app])
    await ann.does(['scale', 'web=4', '-a', app])
    await ann.does(['config:set', 'STEP=2', '-a', app])
    await ann.does(['scale', 'web=2', '-a', app])
    await kubectl('rollout', 'restart', 'deployment/deis-controller', '-n', platform.namespace)
    await kubectl('rollout', 'status', 'deployment/deis-controller', '-n', platform.namespace, '--timeout=110s')
    await until({ what: 'the API is back', seconds: 60 }, async () => (await ann.deis(['apps:list'])).code === 0)
    await ann.does(['rollback', 'v3', '-a', app])
    await ann.does(['ps:restart', 'web', '-a', app])
    expect(await load.stop(10_000)).toEqual([])
    expect(load.sent()).toBeGreaterThanOrEqual(10_000)
    expect((await answer()).release).toBe('v6')
  })

  test('an upgrade by re-apply drops no request, deploys nothing and keeps all state', async () => {
    const before = await appPods()
    const keys = await objects<{ data: object }>('secret', 'deis-keys', '-n', platform.namespace)
    const load = startLoad(platform, app)
    await platform.upgrade('2')
    expect(await load.stop(Math.max(leastRequests, load.sent() + 200))).toEqual([])
    expect(load.sent()).toBeGreaterThanOrEqual(leastRequests)
    expect(await appPods()).toEqual(before)
    expect((await objects<{ data: object }>('secret', 'deis-keys', '-n', platform.namespace)).data).toEqual(keys.data)
    // Tokens, apps and config are still there.
    expect(await ann.does(['config:list', '-a', app])).toContain('5000')
    await ann.does(['scale', 'web=1', '-a', app])
    expect((await answer()).release).toBe('v6')
  })

  test('routers that are replaced one after the other drop no request', async () => {
    const load = startLoad(platform, app)
    await kubectl('rollout', 'restart', 'deployment/deis-router', '-n', platform.namespace)
    await kubectl('rollout', 'status', 'deployment/deis-router', '-n', platform.namespace, '--timeout=110s')
    await until({ what: 'the old ones have gone', seconds: 150 }, async () => {
      const pods = await platform.pods()
      return pods.filter(({ metadata }) => metadata.labels['app'] === 'deis-router').length === 2
    })
    expect(await load.stop(Math.max(1_000, load.sent() + 200))).toEqual([])
  })

  describe.sequential('the pod of the controller is deleted', () => {
    let stage: Stage
    beforeAll(async () => {
      const proxy = await openLossyProxy(platform.api)
      // The same person at another machine.
      const away = await newPerson({ folder: platform.folder, git: platform.git, api: proxy.url }, 'ann-away')
      await away.does(['login', proxy.url, '--username=ann', `--password=${password}`])
      await away.does(['keys:add'])
      const shop = await newApp(away, `${platform.namespace}-gone`)
      await shop.deploy()
      await serving(platform, shop.app, { message: 'hello' })
      stage = { platform, shop, proxy, ...deleting(platform) }
    })
    afterAll(async () => {
      await stage?.shop.does('destroy', `--confirm=${stage.shop.app}`)
      await stage?.proxy.close()
    })

    describe.sequential('in a change', () => changeSteps(() => stage, changePoints))
    describe.sequential('in a push', () => pushSteps(() => stage, pushPoints))
  })

  test('uninstalled, nothing of it is left', async () => {
    await ann.does(['destroy', '-a', app, `--confirm=${app}`])
    await platform.uninstall()
    for (const kind of ['namespaces', 'clusterroles', 'clusterrolebindings', 'persistentvolumes'])
      expect(await kubectl('get', kind, '--output=name')).not.toContain(platform.namespace)
  })
})
