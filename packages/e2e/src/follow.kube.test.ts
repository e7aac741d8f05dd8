// Can a person watch an app on Kubernetes as it goes on, and end a build there?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Checkout, newCheckout } from './app.ts'
import { type Running, start } from './child.ts'
import { type Person, registered } from './client.ts'
import { type ClusterPlatform, kubectl, startOnCluster, testCluster } from './cluster.ts'
import { root } from './platform.ts'
import { until } from './until.ts'

const program = `console.log('up in '+process.env.WORKFLOW_RELEASE);require('http').createServer((q,s)=>s.end('x')).listen(process.env.PORT)`
const procfile = JSON.stringify({ web: `node -e "${program}"`, worker: 'echo working; sleep 100000' })

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let ann: Person
  let shop: Checkout
  beforeAll(async () => {
    platform = await startOnCluster()
    ann = await registered(platform, 'ann')
    const small = `${platform.registry}/busybox:1`
    const files = { Dockerfile: `FROM ${small}\nRUN echo holding; sleep 600\nCMD ["true"]\n` }
    shop = await newCheckout(ann, platform.name('shop'), files)
    await shop.does('create', shop.app)
    await shop.does('config:set', 'PORT=8080')
    await shop.does('pull', `${platform.registry}/stack:1`, `--procfile=${procfile}`)
  })
  afterAll(() => platform?.stop())

  /** The deis command in a second terminal. */
  const terminal = (...words: string[]): Running => {
    const deis = [`${root}/dist/cli/deis.js`, ...words]
    return start(process.execPath, deis, { cwd: shop.folder, env: ann.env, seconds: 170 })
  }

  test('logs -f goes on over a release, a scale and a restart of the controller', async () => {
    const both = terminal('logs', '-f')
    const worker = terminal('logs', '-f', '--ptype=worker')
    await both.says('up in v3')
    await shop.does('config:set', 'A=1')
    await both.says('up in v4')
    await shop.does('scale', 'worker=1')
    for (const one of [both, worker]) await one.says('working')
    await platform.endController('SIGTERM')
    for (const one of [both, worker]) await one.says('reconnecting...')
    await platform.startController()
    for (const one of [both, worker]) await one.says('Reconnected.')
    await shop.does('config:set', 'A=2')
    await both.says('up in v5')
    const sorted = (text: string): string[] => text.split('\n').filter(Boolean).toSorted()
    const noise = /^(The connection|Reconnected)/
    await until({ what: 'every line that there is, and each once', seconds: 60 }, async () => {
      const log = await shop.does('logs', '-n', '1000')
      expect(sorted(both.output()).filter((line) => !noise.test(line))).toEqual(sorted(log))
      return true
    })
    for (const one of [both, worker]) one.signal('SIGINT')
    expect((await both.ended).code).toBe(130)
    const typed = await worker.ended
    expect(sorted(typed.stdout).map((line) => line.replace(/^\S+ app\[(\w+\.v\d+)\.[a-z0-9]+\]/, '$1'))).toEqual([
      'worker.v4: working',
      'worker.v5: working',
    ])
  })

  test('builds:cancel ends the build, which leaves nothing behind', async () => {
    const push = shop.startPush()
    await push.says('holding')
    const watching = terminal('builds:logs', '-f')
    await watching.says('holding')
    expect(await shop.does('builds:cancel')).toMatch(/^Cancelling build \S+\.\.\. done\n$/)
    const left = await kubectl('get', 'jobs,pods', `--namespace=${platform.name('builds')}`, '--output=name')
    expect(left).toBe('')
    const { code, stderr } = await push.ended
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('remote: ann cancelled this build; nothing was changed.'),
    ])
    const watched = await watching.ended
    expect([watched.code, watched.stderr]).toEqual([
      1,
      expect.stringMatching(/^Build \S+ ended with the status "canceled"\.\n$/),
    ])
    // The next one is built, however it ends.
    await shop.commit({ Dockerfile: `FROM ${platform.registry}/busybox:1\nRUN exit 3\n` })
    expect((await shop.push()).stderr).toContain('RUN exit 3')
  })
})
