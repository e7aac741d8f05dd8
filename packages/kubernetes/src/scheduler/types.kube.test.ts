// Do process types with names that are invalid in a cluster run, scale, restart and log under their own names?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Deployment, type HorizontalPodAutoscaler, pathOf } from '../client/objects.ts'
import { isClusterThere } from '../client/testing.ts'
import { never, quiet, until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import { DeployFailure, type Formation, type Scheduler } from '@deis/ports/scheduler'
import { createKubernetesScheduler } from './create.ts'
import { openTestbed, stay, type Testbed } from './testbed.ts'

describe.skipIf(!isClusterThere).sequential('process types with capitals and underscores', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let app: string
  let artifact: Awaited<ReturnType<Testbed['image']>>

  beforeAll(async () => {
    testbed = await openTestbed('types')
    scheduler = await createKubernetesScheduler(testbed.options())
    artifact = await testbed.image('stack:1')
    app = `${testbed.prefix}tea`
  })
  afterAll(async () => {
    await scheduler.close({ stop: false })
    await testbed.remove()
  })
  const formation = (release: number, counts: Readonly<Record<string, number>>): Formation => {
    const processes = Object.fromEntries(
      Object.entries(counts).map(([type, replicas]) => [
        type,
        { command: `echo ${type} speaks; ${stay}`, replicas, graceSeconds: 1 },
      ]),
    )
    return testFormation(app, release, artifact, processes, { routable: null, port: null, deployTimeoutSeconds: 60 })
  }
  const apply = (wanted: Formation): Promise<void> => scheduler.apply(wanted, never, quiet)
  const running = async (): Promise<string[]> =>
    (await scheduler.observe(app)).filter(({ state }) => state === 'up').map(({ type }) => type)

  test('they run under names that the cluster takes, and are shown by their own', async () => {
    await apply(formation(1, { celery_beat: 1, Worker: 1, worker: 1 }))
    expect((await running()).toSorted()).toEqual(['Worker', 'celery_beat', 'worker'])
    const { items } = await testbed.kube.list<Deployment>(pathOf('apps/v1/Deployment', app))
    const types = Object.fromEntries(items.map(({ metadata }) => [metadata?.labels?.type, metadata?.name]))
    expect(types).toEqual({
      worker: `${app}-worker`,
      Worker: expect.stringMatching(/-worker-[0-9a-f]{5}$/) as string,
      celery_beat: expect.stringMatching(/-celery-beat-[0-9a-f]{5}$/) as string,
    })
  })

  test('they are scaled, restarted by type and by name, and logged', async () => {
    await apply(formation(1, { celery_beat: 2, Worker: 1, worker: 1 }))
    expect((await running()).filter((type) => type === 'celery_beat')).toHaveLength(2)
    const again = await scheduler.restart(app, { type: 'celery_beat' }, never)
    expect(again.map(({ type }) => type)).toEqual(['celery_beat', 'celery_beat'])
    const [one] = again
    const [fresh] = await scheduler.restart(app, { name: one?.name ?? '' }, never)
    expect(fresh?.type).toBe('celery_beat')
    await until('its lines are there', async () =>
      (await scheduler.logs(app, { lines: 100 })).some(
        ({ source, text }) => /^celery_beat\.v1\.[a-z0-9]{5}$/.test(source) && text === 'celery_beat speaks',
      ),
    )
  })

  test('they are scaled by the cluster', async () => {
    const wanted = formation(1, { celery_beat: 1 })
    const processes = {
      celery_beat: { ...wanted.processes.celery_beat!, autoscale: { min: 1, max: 3, cpuPercent: 80 } },
    }
    await apply({ ...wanted, processes })
    const { items } = await testbed.kube.list<HorizontalPodAutoscaler>(
      pathOf('autoscaling/v1/HorizontalPodAutoscaler', app),
    )
    expect(items.map(({ spec }) => spec?.scaleTargetRef.name)).toEqual([expect.stringMatching(/-celery-beat-/)])
  })

  test('a type replaces another with a similar name', async () => {
    await apply(formation(2, { Celery_Beat: 1 }))
    expect(await running()).toEqual(['Celery_Beat'])
  })

  test('two types that would have the same name are refused, and both are named', async () => {
    const { items } = await testbed.kube.list<Deployment>(pathOf('apps/v1/Deployment', app))
    const taken = items[0]?.metadata?.name?.slice(app.length + 1) ?? ''
    const refused = await apply(formation(3, { Celery_Beat: 1, [taken]: 1 })).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(DeployFailure)
    expect((refused as Error).message).toContain(`Celery_Beat and ${taken}`)
  })
})
