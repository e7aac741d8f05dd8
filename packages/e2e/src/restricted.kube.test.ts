// Do apps work where nothing but restricted pods are taken, and is it said what an image lacks for that?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, objects, startOnCluster, testCluster } from './cluster.ts'
import { serving } from './http.ts'
import { enforcePodSecurity, type PodSecurity } from './pod-security.ts'
import { openTerminal } from './terminal.ts'
import { until } from './until.ts'

const enforce = 'pod-security.kubernetes.io/enforce'
type Namespace = { metadata: { labels: Record<string, string> } }
type Deployment = { spec: { template: { spec: { containers: { image: string }[] } } } }

describe.skipIf(testCluster === null).sequential('where restricted is enforced', () => {
  let platform: ClusterPlatform
  let admission: PodSecurity
  let ann: Person
  let shop: Checkout

  beforeAll(async () => {
    platform = await startOnCluster()
    ann = await registered(platform, 'ann')
    admission = await enforcePodSecurity(platform.name('').slice(0, -1), testCluster?.nodeIp ?? '')
  })
  afterAll(async () => {
    await admission?.close()
    await platform?.stop()
  })
  const levelOf = async (app: string): Promise<string | undefined> =>
    (await objects<Namespace>('namespace', app)).metadata.labels[enforce]
  const label = (app: string, level: string): Promise<string> =>
    kubectl('label', '--overwrite', 'namespace', app, `${enforce}=${level}`)

  test('git push builds and deploys, and from then on the namespace takes nothing less', async () => {
    shop = await newApp(ann, platform.name('shop'))
    await label(shop.app, 'restricted')
    await shop.deploy()
    await serving(platform, shop.app, { message: 'hello', release: 'v2' })
    expect(admission.asked()).toBeGreaterThan(0)
  }, 180_000)

  test('an app of its own platform`s making is restricted when it has shown that it can be', async () => {
    const tea = await newApp(ann, platform.name('tea'))
    expect(await levelOf(tea.app)).toBe('baseline')
    await tea.deploy()
    expect(await levelOf(tea.app)).toBe('restricted')
    await tea.does('config:set', 'PORT=5000')
    // An image may want more, and the platform's own label makes way for it.
    await tea.does('pull', `${platform.registry}/stack:1`, '--procfile', 'web: exec python3 -m http.server $PORT')
    expect(await levelOf(tea.app)).toBe('baseline')
    await tea.does('destroy', `--confirm=${tea.app}`)
  }, 180_000)

  test('scale, run and run -it', async () => {
    await shop.does('scale', 'web=3')
    expect(await shop.does('run', '--', 'id -u')).toContain('1000')
    const terminal = openTerminal(ann, ['run', '-it', '-a', shop.app, 'bash'], shop.folder)
    await terminal.sees(/\$ $/)
    terminal.type('echo "I am $(id -u)"\n')
    await terminal.sees(/I am 1000/)
    terminal.type('exit 3\n')
    expect(await terminal.ended).toBe(3)
    await shop.does('scale', 'web=1')
    expect(admission.refused).toEqual([])
  }, 180_000)

  test('an image that runs as root is told which user it needs; what ran before serves', async () => {
    await shop.does('config:set', 'PORT=5000')
    const refused = await shop.deis('pull', `${platform.registry}/stack:1`, '--procfile', 'web: exec sleep 600')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('image will run as root')
    expect(refused.stderr).toContain('USER 1000')
    await serving(platform, shop.app, { message: 'hello' })
    expect(await levelOf(shop.app)).toBe('restricted')
  }, 180_000)

  test('an image with a user of its own is deployed, and so are its one-off commands', async () => {
    const { spec } = await objects<Deployment>('deployment', `${shop.app}-web`, '-n', shop.app)
    const nonRoot = spec.template.spec.containers[0]?.image ?? ''
    const cup = await newApp(ann, platform.name('cup'))
    await label(cup.app, 'restricted')
    await cup.does('config:set', 'PORT=5000')
    // To whoever owns the app of that name, the platform's own registry is open to all that it was pushed for.
    await cup.does('pull', nonRoot, '--procfile', 'web: cd /app && exec node server.mjs')
    await serving(platform, cup.app, { message: 'hello' })
    expect(await cup.does('run', '--', 'id -u')).toContain('1000')
    expect(admission.refused).toEqual([])
    await cup.does('destroy', `--confirm=${cup.app}`)
  }, 180_000)

  test('pods of before the rules are told to be deployed again', async () => {
    const old = await newApp(ann, platform.name('old'))
    await old.does('config:set', 'PORT=5000')
    await old.does('pull', `${platform.registry}/stack:1`, '--procfile', 'web: exec python3 -m http.server $PORT')
    await label(old.app, 'restricted')
    const refused = await old.deis('ps:restart', 'web')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('Deploy the app again')
    await until({ what: 'the old pod is up' }, async () => (await old.does('ps')).includes('up'))
  }, 180_000)
})
