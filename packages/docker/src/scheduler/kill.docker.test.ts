// Does an app serve on, all of it from one release, and is nothing left over, wherever in a deploy its controller is killed?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Artifact, Formation, ObservedPod } from '@deis/ports/scheduler'
import { testFormation } from '@deis/ports/testing/formation'
import { openVictim } from '@deis/ports/testing/victim'
import { createDockerScheduler } from './create.ts'
import { get, isEngineThere, openTestbed, serve, type Testbed } from './testbed.ts'
import type { Orders } from './victim.ts'

const never = new AbortController().signal
/** Fifty are four minutes: TEST_KILLS=50. */
const kills = Number(process.env.TEST_KILLS ?? 3)
/** A deploy takes so many times as long as the first, with the end of the old ones. */
const longest = 3
/** An engine on a busy machine takes seconds for each container that it ends and deletes. */
const endSeconds = 60

describe.skipIf(!isEngineThere)('on Docker', () => {
  const killed = openVictim(new URL('victim.ts', import.meta.url))
  let testbed: Testbed
  let artifact: Artifact
  beforeAll(async () => {
    testbed = await openTestbed('dk')
    artifact = await testbed.image('stack:1')
  })
  afterAll(async () => {
    await testbed?.remove()
  })

  const formationOf = (app: string, release: number): Formation =>
    testFormation(
      app,
      release,
      artifact,
      {
        web: { command: serve, replicas: 2, graceSeconds: 5 },
        worker: { command: 'sleep 600', replicas: 1, graceSeconds: 1 },
      },
      { env: { GREETING: `v${release}`, PORT: '5000' }, port: 5000, routable: 'web', deployTimeoutSeconds: 40 },
    )

  const serving = (pods: readonly ObservedPod[]): ObservedPod[] => pods.filter((pod) => pod.state !== 'terminating')
  const shape = (pods: readonly ObservedPod[]): string[] =>
    pods.map(({ type, release, state }) => `${type} v${release} ${state}`).toSorted()
  const wanted = (release: number): string[] => ['web', 'web', 'worker'].map((type) => `${type} v${release} up`)

  test(
    `killed ${kills} times in the middle of a deploy`,
    async () => {
      const app = `${testbed.prefix}app`
      const { prefix, folder } = testbed
      let before = 1
      const first = await createDockerScheduler(await testbed.options())
      const began = Date.now()
      await first.apply(formationOf(app, before), never, () => {})
      const longestMs = (Date.now() - began) * longest
      await first.close({ stop: false })
      const found = { before: 0, after: 0 }
      for (let turn = 0; turn < kills; turn++) {
        const next = before + 1
        // The first when nothing new can serve yet, however slow the deploy before it was; the others spread evenly, and
        // each somewhere in its part.
        const dieAfter = turn === 0 ? 100 : Math.round(((turn + Math.random()) * longestMs) / kills)
        const orders: Orders = { prefix, folder, formation: formationOf(app, next), dieAfter }
        await killed(orders)
        const scheduler = await createDockerScheduler(await testbed.options())
        try {
          const pods = serving(await scheduler.observe(app))
          const release = pods[0]?.release ?? 0
          found[release === next ? 'after' : 'before']++
          expect([turn, dieAfter, ...shape(pods)]).toEqual([turn, dieAfter, ...wanted(release)])
          expect([before, next]).toContain(release)
          const { addresses } = await scheduler.upstreams(app)
          expect(addresses).toHaveLength(2)
          for (const address of addresses)
            expect(JSON.parse(await get(address))).toMatchObject({ greeting: `v${release}` })
          await scheduler.apply(formationOf(app, next), never, () => {})
          const all = ['ps', '--all', '--filter', `label=io.deis.app=${app}`, '--format', '{{.Names}} {{.Status}}']
          await expect
            .poll(async () => (await testbed.docker(...all)).split('\n'), { timeout: endSeconds * 1000, interval: 100 })
            .toEqual(Array.from({ length: 3 }, () => expect.stringContaining(' Up ')))
          await expect.poll(async () => shape(await scheduler.observe(app)), { timeout: 10_000 }).toEqual(wanted(next))
        } finally {
          await scheduler.close({ stop: false })
        }
        before = next
      }
      // Otherwise it was not killed in the middle of anything; how many of few come later, the load of the machine decides.
      expect(kills < 20 ? found.before : Math.min(found.before, found.after)).toBeGreaterThan(0)
      const last = await createDockerScheduler(await testbed.options())
      await last.remove(app, never)
      await last.close({ stop: false })
      const platform = `label=io.deis.platform=${testbed.platform}`
      expect(await testbed.docker('ps', '--all', '--quiet', '--filter', platform)).toBe('')
      expect(await testbed.docker('network', 'ls', '--quiet', '--filter', platform)).toBe('')
    },
    60_000 + kills * 40_000,
  )
})
