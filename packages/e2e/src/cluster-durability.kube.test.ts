// What is lost on a cluster when a controller is killed, or the API server goes away, in the middle of a deploy? Nothing.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { readFile, readlink, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, objects, startOnCluster, testCluster } from './cluster.ts'
import { ask } from './http.ts'
import { startLoad } from './load.ts'
import { until } from './until.ts'

/** Answers with its release, and gives back what is posted. */
const program = `require('http').createServer((q,s)=>{if(q.method==='POST')q.pipe(s);else s.end(process.env.WORKFLOW_RELEASE)}).listen(process.env.PORT)`
const slowly = `setTimeout(()=>{${program}},6000)`

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let ann: Person
  let shop: Checkout
  const image = (): string => `${platform.registry}/stack:1`
  const procfile = (command: string): string => `--procfile=${JSON.stringify({ web: `node -e "${command}"` })}`
  const release = async (): Promise<string> => (await ask(platform, shop.app)).body

  beforeAll(async () => {
    platform = await startOnCluster()
    ann = await registered(platform, 'ann')
    shop = await newCheckout(ann, platform.name('shop'), { file: 'x' })
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    await shop.does('pull', image(), procfile(program))
    await until({ what: 'v3 serves' }, async () => (await release()) === 'v3')
  })
  afterAll(() => platform?.stop())

  const generations = async (): Promise<number[]> => {
    const { items } = await objects<{ items: { metadata: { generation: number } }[] }>(
      'deployments',
      `--namespace=${shop.app}`,
    )
    return items.map(({ metadata }) => metadata.generation)
  }
  const podNames = async (): Promise<string> =>
    kubectl('get', 'pods', `--namespace=${shop.app}`, '--output=jsonpath={.items[*].metadata.name}')

  test('a controller that starts again redeploys nothing', async () => {
    const before = [await generations(), await podNames()]
    await platform.endController('SIGKILL')
    expect(await release()).toBe('v3')
    await platform.startController()
    // Behind it in the app's queue: when this has been answered, the start is over for this app.
    await shop.does('scale', 'web=2')
    await shop.does('scale', 'web=1')
    await until({ what: 'one pod', seconds: 90 }, async () => (await podNames()).split(' ').length === 1)
    await platform.endController('SIGTERM')
    await platform.startController()
    await shop.does('ps')
    expect((await generations()).length).toBe(1)
    expect(await podNames()).not.toBe('')
    expect(before[1]).toContain(`${shop.app}-web`)
    expect(await release()).toBe('v3')
  })

  test('a controller killed in the middle of a deploy carries it on', async () => {
    const pull = shop.deis('pull', image(), procfile(slowly))
    await until({ what: 'the new pod is there' }, async () =>
      (await kubectl('get', 'pods', `--namespace=${shop.app}`, '--selector=version=v4', '--output=name')).includes(
        'pod/',
      ),
    )
    await platform.endController('SIGKILL')
    expect(await release()).toBe('v3')
    await platform.startController()
    await until({ what: 'v4 serves', seconds: 60 }, async () => (await release()) === 'v4')
    expect(await pull).toMatchObject({ code: 0 })
    expect(await shop.does('releases')).toMatch(/v4/)
  })

  test('an API server that restarts in the middle of a deploy delays it, no more', async () => {
    const load = startLoad(platform, shop.app, { clients: 4, pauseMs: 20 })
    const pull = shop.deis('pull', image(), procfile(slowly))
    await until({ what: 'the new pod is there' }, async () =>
      (await kubectl('get', 'pods', `--namespace=${shop.app}`, '--selector=version=v5', '--output=name')).includes(
        'pod/',
      ),
    )
    await restartApiServer()
    expect(await pull).toMatchObject({ code: 0 })
    await until({ what: 'v5 serves' }, async () => (await release()) === 'v5')
    await shop.does('scale', 'web=2')
    expect(await load.stop(100)).toEqual([])
  })
})

/** Kills the test cluster's own API server and starts its command line again, as its keeper would. */
async function restartApiServer(): Promise<void> {
  const folder = (process.env.KUBECONFIG ?? '').replace(/\/[^/]*$/, '')
  const pid = Number(await readFile(`${folder}/apiserver.pid`, 'utf8'))
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
  // Its files are named as seen from there; with an environment of ours it would end with our run.
  const cwd = await readlink(`/proc/${pid}/cwd`)
  const env = Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((pair) => pair.includes('='))
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  )
  process.kill(pid, 'SIGKILL')
  await until({ what: 'it is gone' }, () => {
    try {
      process.kill(pid, 0)
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
    } catch {
      return true
    }
  })
  const log = openSync(`${folder}/apiserver.log`, 'a')
  const start = (): ChildProcess => {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', log, log] })
    child.unref()
    return child
  }
  let child = start()
  await until({ what: 'it answers again', seconds: 90 }, async () => {
    // A zombie's last thread may still have the port: the new one ends then.
    if (child.exitCode !== null || child.signalCode !== null) child = start()
    await writeFile(`${folder}/apiserver.pid`, `${child.pid}\n`)
    return kubectl('get', '--raw', '/readyz').then(
      () => true,
      () => false,
    )
  })
  closeSync(log)
}
