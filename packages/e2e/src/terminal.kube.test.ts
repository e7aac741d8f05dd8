// Do sessions work on Kubernetes as on one machine?
import { afterAll, beforeAll, describe } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, kubectl, startOnCluster, testCluster } from './cluster.ts'
import { sessionsWork, type Stage } from './terminal-steps.ts'

const server = `require('fs').writeFileSync('/tmp/own', 'only here');require('http').createServer((q, s) => s.end('hi')).listen(process.env.PORT)`

type PodList = { items: { metadata: { name: string }; status: { phase: string } }[] }

/** Kubernetes has had a protocol for that since 1.30. */
async function endsInput(): Promise<boolean> {
  const { serverVersion } = JSON.parse(await kubectl('version', '--output=json')) as {
    serverVersion: { minor: string }
  }
  return Number.parseInt(serverVersion.minor, 10) >= 30
}

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let stage: Stage
  beforeAll(async () => {
    platform = await startOnCluster()
    const ann = await registered(platform, 'ann')
    const app = await newApp(ann, platform.name('shop'), { Procfile: `web: node -e "${server}"\n` })
    await app.does('config:set', 'PORT=5000')
    await app.does('pull', `${platform.registry}/stack:1`, '--procfile', `web: node -e "${server}"`)
    stage = {
      platform,
      app,
      own: { command: ['cat', '/tmp/own'], shows: 'only here' },
      passesInput: await endsInput(),
      // Every container of the app is asked: one that has ended says nothing.
      async running(text) {
        const namespace = `--namespace=${app.app}`
        const { items } = JSON.parse(await kubectl('get', 'pods', namespace, '--output=json')) as PodList
        const up = items.filter(({ status }) => status.phase === 'Running')
        const all = await Promise.all(
          up.map(({ metadata: { name } }) =>
            kubectl('exec', namespace, name, '--', 'bash', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "').catch(
              () => '',
            ),
          ),
        )
        return all.filter((commands) => commands.includes(text)).length
      },
    }
  })
  afterAll(() => platform?.stop())

  sessionsWork(() => stage)
})
