// Do Cloud Native Buildpacks build and run apps on a cluster, with a stand-in builder?
import { randomBytes } from 'node:crypto'
import { publishTestBuilder } from '@deis/buildpacks/cnb/testing/builder'
import { createRegistry } from '@deis/registry/create'
import { copyImage } from '@deis/registry/testing'
import { afterAll, beforeAll, describe } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, kubectl, startOnCluster, testCluster } from './cluster.ts'
import { cnbWorks, type Stage } from './cnb-steps.ts'

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let stage: Stage
  beforeAll(async () => {
    const host = testCluster?.registry ?? ''
    const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
    const runImage = `${host}/deis-test/run-${randomBytes(4).toString('hex')}:1`
    const offer = async (runVersion: string): Promise<string> => {
      const { run, builder } = await publishTestBuilder(registry, host, { runImage, runVersion })
      await copyImage(run, runImage)
      return builder
    }
    const builder = await offer('1')
    platform = await startOnCluster({
      DEIS_STACK_IMAGE: '',
      DEIS_TOOLS_IMAGE: `${host}/stack:1`,
      DEIS_BUILDER_IMAGE: builder,
    })
    const shop = await newApp(await registered(platform, 'ann'), platform.name('shop'), {})
    const builds = `--namespace=${platform.name('builds')}`
    stage = {
      platform,
      shop,
      builder,
      newRunImage: async () => void (await offer('2')),
      ofBuilds: async (app) => {
        const found = await kubectl('get', 'jobs,pods', builds, `--selector=app=${app}`, '--output=name')
        return found.split('\n').filter((line) => line !== '')
      },
    }
  })
  afterAll(() => platform?.stop())

  cnbWorks(() => stage)
})
