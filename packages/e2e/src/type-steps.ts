// Are process types with capitals and underscores carried by every command that names one?
import { expect, test } from 'vitest'
import type { Checkout, Files } from './app.ts'
import { serving } from './http.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Stage = { readonly platform: Pick<Platform, 'routerPort'>; readonly shop: Checkout }

/** What the stage has deployed as its first release. */
export const threeTypes: Files = {
  Procfile: 'web: node server.mjs\nCeleryBeat: while :; do echo tick; sleep 1; done\ncelery_worker: sleep 1000\n',
}

/** Names of processes of a type, as `deis ps` has them. */
export async function processesOf({ shop }: Stage, type: string): Promise<string[]> {
  const { results } = JSON.parse(await shop.does('ps', '--json')) as {
    results: { readonly type: string; readonly name: string; readonly state: string }[]
  }
  return results.filter((one) => one.type === type && one.state === 'up').map(({ name }) => name)
}

export function typesWork(open: () => Stage): void {
  test('they are scaled, shown, restarted, read and entered', async () => {
    const stage = open()
    const { platform, shop } = stage
    await serving(platform, shop.app, { release: 'v2' })
    expect(await shop.does('scale', 'CeleryBeat=2', 'celery_worker=1')).toMatch(/^Scaling processes\.\.\. /)
    const before = await processesOf(stage, 'CeleryBeat')
    expect(before).toHaveLength(2)
    expect(await processesOf(stage, 'celery_worker')).toHaveLength(1)
    expect(await shop.does('ps')).toMatch(/^--- CeleryBeat:$/m)
    await until({ what: 'its output is in the log' }, async () =>
      /tick/.test(await shop.does('logs', '--ptype', 'CeleryBeat')),
    )
    await shop.does('ps:restart', 'CeleryBeat')
    const after = await processesOf(stage, 'CeleryBeat')
    expect(after).toHaveLength(2)
    expect(after.filter((name) => before.includes(name))).toEqual([])
    const [worker = ''] = await processesOf(stage, 'celery_worker')
    expect(await shop.does('exec', 'celery_worker', '--', 'echo', 'inside')).toContain('inside')
    expect(await shop.does('exec', worker, '--', 'echo', 'by name')).toContain('by name')
    await shop.does('ps:restart', worker)
    await until({ what: 'another one' }, async () => {
      const names = await processesOf(stage, 'celery_worker')
      return names.length === 1 && !names.includes(worker)
    })
    await shop.does('scale', 'CeleryBeat=0')
    await until({ what: 'none is left' }, async () => (await processesOf(stage, 'CeleryBeat')).length === 0)
  })

  test('a one-off process runs beside them', async () => {
    const { shop } = open()
    expect(await shop.does('run', '--', 'echo "beside $DEIS_APP"')).toContain(`beside ${shop.app}`)
    expect((await shop.deis('run', '--', 'exit 3')).code).toBe(3)
  })

  test('a type is another one in other letters', async () => {
    expect(await open().shop.deis('scale', 'celerybeat=1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Container type celerybeat does not exist in application') as string,
    })
  })
}
