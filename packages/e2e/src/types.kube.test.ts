// Do process types with capitals and underscores work on a cluster, whose objects cannot have such names?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newApp } from './app.ts'
import { registered } from './client.ts'
import { type ClusterPlatform, objects, startOnCluster, testCluster } from './cluster.ts'
import { processesOf, type Stage, threeTypes, typesWork } from './type-steps.ts'

type Pod = {
  metadata: { deletionTimestamp?: string }
  spec: { containers: { resources?: { limits?: Record<string, string> } }[] }
}

describe.skipIf(testCluster === null).sequential('on a cluster', () => {
  let platform: ClusterPlatform
  let stage: Stage
  beforeAll(async () => {
    platform = await startOnCluster()
    const shop = await newApp(await registered(platform, 'ann'), platform.name('shop'))
    await shop.deploy(threeTypes)
    stage = { platform, shop }
  })
  afterAll(() => platform?.stop())

  typesWork(() => stage)

  test('limits are kept by type, and hold for its pods alone', async () => {
    const { shop } = stage
    const limitsOf = async (type: string): Promise<unknown[]> => {
      const { items } = await objects<{ items: Pod[] }>('pods', '-n', shop.app, `--selector=type=${type}`)
      // What a change before has told to end may still be ending.
      const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      return staying.map(({ spec }) => spec.containers[0]?.resources?.limits ?? {})
    }
    await shop.does('limits:set', 'celery_worker=64M')
    await shop.does('limits:set', '--cpu', 'celery_worker=500m')
    expect(await shop.does('limits')).toMatch(/^celery_worker +64M$/m)
    expect(await processesOf(stage, 'celery_worker')).toHaveLength(1)
    expect(await limitsOf('celery_worker')).toEqual([{ cpu: '500m', memory: expect.stringMatching(/^64M/) as string }])
    expect(await limitsOf('web')).toEqual([{}])
    await shop.does('limits:unset', 'celery_worker')
    expect(await shop.does('limits')).not.toMatch(/64M/)
  })

  test('a deploy without a type takes its pods away, and its line in ps', async () => {
    const { shop } = stage
    await shop.deploy({ Procfile: 'web: node server.mjs\nCeleryBeat: sleep 1000\n' })
    expect(await processesOf(stage, 'celery_worker')).toEqual([])
    expect(await shop.does('ps')).not.toContain('celery_worker')
  })
})
