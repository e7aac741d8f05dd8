// Is every way in which a deploy can fail on a cluster named with its cause, and is what ran before still running?
import type { Release } from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import type { Result } from './child.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, objects, startOnCluster, testCluster } from './cluster.ts'
import { ask, callApi } from './http.ts'
import { until } from './until.ts'

const serves = `require('http').createServer((q,s)=>s.end(process.env.WORKFLOW_RELEASE)).listen(process.env.PORT)`

describe.skipIf(testCluster === null).sequential('a deploy on a cluster that fails', () => {
  let platform: ClusterPlatform
  let ann: Person
  beforeAll(async () => {
    platform = await startOnCluster({
      DEIS_DEPLOY_TIMEOUT: '15',
      KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: '{"spec":{"hard":{"pods":"4"}}}',
    })
    ann = await registered(platform, 'ann')
  })
  afterAll(() => platform?.stop())

  const procfile = (command: string): string => `--procfile=${JSON.stringify({ web: command })}`
  const image = (): string => `${platform.registry}/stack:1`

  /** An app whose v3 serves. */
  async function served(name: string): Promise<Checkout> {
    const checkout = await newCheckout(ann, platform.name(name), { file: 'x' })
    await checkout.does('create', checkout.app)
    await checkout.does('config:set', 'PORT=8080')
    await checkout.does('pull', image(), procfile(`node -e "${serves}"`))
    await until({ what: 'v3 serves' }, async () => (await ask(platform, checkout.app)).body === 'v3')
    return checkout
  }

  type Spec = { items: { spec: { replicas: number; template: { spec: unknown } } }[] }
  const specs = async (app: string): Promise<unknown> =>
    (await objects<Spec>('deployments', `--namespace=${app}`)).items.map(({ spec }) => [
      spec.replicas,
      spec.template.spec,
    ])

  /** Fails, says why, and leaves everything as it was. */
  async function fails(
    checkout: Checkout,
    change: () => Promise<Result>,
    ...causes: (string | RegExp)[]
  ): Promise<void> {
    const { app } = checkout
    const before = await specs(app)
    const { code, stderr } = await change()
    expect(code).not.toBe(0)
    for (const cause of causes) expect(stderr).toMatch(cause)
    expect(await ask(platform, app)).toMatchObject({ status: 200, body: 'v3' })
    expect(await specs(app)).toEqual(before)
    const { body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${app}/releases/`)
    const [newest] = (JSON.parse(body) as { results: Release[] }).results
    expect(newest).toMatchObject({ version: 4, failed: true })
    await until({ what: 'nothing new is left', seconds: 90 }, async () => {
      const pods = await kubectl(
        'get',
        'pods',
        `--namespace=${app}`,
        '--output=jsonpath={.items[*].metadata.labels.version}',
      )
      return new Set(pods.split(' ')).size === 1
    })
    await checkout.does('destroy', `--confirm=${app}`)
  }

  test('because it crashes: the exit code and its last log lines', async () => {
    const app = await served('crash')
    const words = procfile('echo no database; exit 7')
    await fails(app, () => app.deis('pull', image(), words), 'no database', /\b7\b/, 'Rolling back')
  })

  test('because it never gets ready: the probe that says so', async () => {
    const app = await served('silent')
    await fails(app, () => app.deis('pull', image(), procfile('echo waiting; sleep 600')), /ready|probe/i, /8080/)
  })

  test('because it listens on another port', async () => {
    const app = await served('port')
    const other = serves.replace('process.env.PORT', '9999')
    await fails(app, () => app.deis('pull', image(), procfile(`node -e "${other}"`)), /8080/)
  })

  test('because its memory is too small: OOMKilled', async () => {
    const app = await served('hungry')
    const eats = `const all=[];setInterval(()=>all.push(Buffer.alloc(20e6,1)),5)`
    const { code, stderr } = await app.deis('limits:set', 'web=128M')
    expect([code, stderr]).toEqual([0, expect.anything()])
    const before = await specs(app.app)
    const failed = await app.deis('pull', image(), procfile(`node -e "${eats}"`))
    expect(failed.code).not.toBe(0)
    expect(failed.stderr).toContain('OOMKilled')
    expect((await ask(platform, app.app)).body).toBe('v4')
    expect(await specs(app.app)).toEqual(before)
    await app.does('destroy', `--confirm=${app.app}`)
  })

  test('because its quota is full', async () => {
    const app = await served('crowd')
    const { code, stderr } = await app.deis('scale', 'web=9')
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/exceeded quota/)
    expect(await app.does('ps')).toMatch(/web/)
    await until({ what: 'one pod is left', seconds: 90 }, async () => {
      const { items } = await objects<{ items: unknown[] }>('pods', `--namespace=${app.app}`)
      return items.length === 1
    })
    expect((await ask(platform, app.app)).body).toBe('v3')
    await app.does('destroy', `--confirm=${app.app}`)
  })

  test('because no node can take it: the scheduler’s own words', async () => {
    const app = await served('huge')
    await fails(app, () => app.deis('limits:set', '--cpu', 'web=500/500'), /Insufficient cpu/)
  })

  test('at the first release: nothing of it stays', async () => {
    const checkout = await newCheckout(ann, platform.name('first'), { file: 'x' })
    await checkout.does('create', checkout.app)
    await checkout.does('config:set', 'PORT=8080')
    const { code, stderr } = await checkout.deis('pull', image(), procfile('echo born to die; exit 1'))
    expect(code).not.toBe(0)
    expect(stderr).toContain('born to die')
    expect(await kubectl('get', 'deployments,pods', `--namespace=${checkout.app}`, '--output=name')).toBe('')
    await checkout.does('pull', image(), procfile(`node -e "${serves}"`))
    await until({ what: 'v4 serves' }, async () => (await ask(platform, checkout.app)).body === 'v4')
    await checkout.does('destroy', `--confirm=${checkout.app}`)
  })

  test('because the image disappeared from the registry: what the node says of it', async () => {
    const app = await served('gone')
    const missing = `${platform.registry}/stack@sha256:${'0'.repeat(64)}`
    const refused = await app.deis('pull', missing)
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('sha256:0000')
    expect((await ask(platform, app.app)).body).toBe('v3')
    await app.does('destroy', `--confirm=${app.app}`)
  })
})
