// Is nothing lost and nothing left over when the controller is killed, wherever it was?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { killAll, variableOfAll, withVariable } from '@deis/machine/pid'
import { contractFiles } from '@deis/ports/testing/contract-harness'
import { testFormation } from '@deis/ports/testing/formation'
import { until } from '@deis/ports/testing/contract-steps'
import { openVictim } from '@deis/ports/testing/victim'
import type { Artifact, Formation, Scheduler } from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { testProgram } from '@deis/machine/archive-testing'
import { openTestbed, type Testbed } from './testbed.ts'
import type { Orders } from './victim.ts'

const never = new AbortController().signal
const quiet = (): void => {}
const killed = openVictim(new URL('victim.ts', import.meta.url))

/** Pod names with the pids of their processes. */
async function running(app: string): Promise<Map<string, number[]>> {
  const pods = new Map<string, number[]>()
  for (const [pid, pod] of await variableOfAll('DEIS_POD'))
    if (pod.startsWith(`${app}-`)) pods.set(pod, [...(pods.get(pod) ?? []), pid])
  for (const pids of pods.values()) pids.sort((one, other) => one - other)
  return pods
}

const formation = (app: string, release: number, artifact: Artifact): Formation => {
  const processes = {
    web: { command: 'node server.mjs', replicas: 2, graceSeconds: 5 },
    clock: { command: 'for i in $(seq 100000); do echo tick $i; sleep 0.05; done', replicas: 1, graceSeconds: 5 },
  }
  return testFormation(app, release, artifact, processes, { env: { GREETING: `v${release}` }, port: null })
}

async function afterKill(
  dieAfter: number,
  releases: readonly number[],
  look: (testbed: Testbed, app: string, artifact: Artifact, open: () => Promise<Scheduler>) => Promise<void>,
  sessions?: string,
): Promise<void> {
  const testbed = await openTestbed()
  const { firstPort } = testbed
  const app = `killed-${process.pid}-${firstPort}`
  const artifact = await testbed.slug(contractFiles)
  const formations = releases.map((release) => formation(app, release, artifact))
  await killed({
    folder: testbed.folder,
    archiveProgram: testProgram,
    firstPort,
    formations,
    dieAfter,
    sessions,
  } satisfies Orders)
  const opened: Scheduler[] = []
  try {
    await look(testbed, app, artifact, async () => {
      const scheduler = await createProcessScheduler(testbed.options())
      opened.push(scheduler)
      return scheduler
    })
  } finally {
    // Also when the test ended before it opened one.
    if (opened.length === 0) opened.push(await createProcessScheduler(testbed.options()))
    for (const scheduler of opened) await scheduler.close({ stop: true })
    expect(await running(app)).toEqual(new Map())
    await testbed.remove()
  }
}

describe.concurrent('after kill -9', { timeout: 120_000 }, () => {
  test.each([0, 60, 150, 600, 1300])(
    'of a deploy %i ms under way, one whole release serves and nothing else runs',
    async (dieAfter) => {
      await afterKill(dieAfter, [1, 2], async (testbed, app, artifact, open) => {
        const before = await running(app)
        const scheduler = await open()
        const pods = await scheduler.observe(app)
        const serving = pods.filter((pod) => pod.address !== null)
        expect(serving).toHaveLength(2)
        expect(new Set(serving.map((pod) => pod.release)).size).toBe(1)
        for (const pod of serving) {
          // Not restarted: they are the processes from before.
          expect((await running(app)).get(pod.name)).toEqual(before.get(pod.name))
          expect(JSON.parse(await testbed.get(pod.address ?? ''))).toEqual({
            pod: pod.name,
            greeting: `v${pod.release}`,
          })
        }
        await scheduler.apply(formation(app, 2, artifact), never, quiet)
        const settled = await until('only the new release is left', async () => {
          const now = await scheduler.observe(app)
          return now.length === 3 && now.every((pod) => pod.release === 2 && pod.state === 'up') ? now : false
        })
        const names = settled.map((pod) => pod.name).toSorted()
        expect([...(await running(app)).keys()].toSorted()).toEqual(names)
        const left = await readdir(join(testbed.folder, 'pods', app), { withFileTypes: true })
        const folders = left.filter((one) => one.isDirectory()).map((one) => one.name)
        expect(folders.toSorted()).toEqual(names)
        await scheduler.remove(app, never)
        expect(await running(app)).toEqual(new Map())
        expect(await readdir(join(testbed.folder, 'pods'))).toEqual([])
      })
    },
  )

  test('of a first deploy, nothing of it is left', async () => {
    await afterKill(250, [1], async (testbed, app, _artifact, open) => {
      const scheduler = await open()
      expect(await scheduler.observe(app)).toEqual([])
      expect(await running(app)).toEqual(new Map())
      // On a busy machine it may not even have come to the first file.
      const left = await readdir(join(testbed.folder, 'pods', app)).catch(() => [])
      expect(left.filter((name) => name.startsWith(app))).toEqual([])
    })
  })

  test('lines that were written while no controller ran are there, none is missing', async () => {
    await afterKill(1200, [1, 1], async (_testbed, app, _artifact, open) => {
      const first = await open()
      const ticks = async (scheduler: Scheduler): Promise<number[]> =>
        (await scheduler.logs(app, { lines: 10_000 }))
          .filter((line) => line.text.startsWith('tick '))
          .map((line) => Number(line.text.slice(5)))
      const before = (await ticks(first)).length
      await first.close({ stop: false })
      const second = await open()
      const numbers = await until('some more', async () => {
        const now = await ticks(second)
        return now.length > before + 5 ? now : false
      })
      // A line may come twice, when the kill hit between writing it down and noting that.
      expect([...new Set(numbers)]).toEqual(Array.from({ length: new Set(numbers).size }, (_, index) => index + 1))
    })
  })

  test('with the state file lost, everything of it is ended', async () => {
    await afterKill(1200, [1, 1], async (testbed, app, _artifact, open) => {
      expect((await running(app)).size).toBe(3)
      await rm(join(testbed.folder, 'pods', app, 'state.json'))
      const scheduler = await open()
      expect(await scheduler.observe(app)).toEqual([])
      expect(await running(app)).toEqual(new Map())
    })
  })

  test('a process that died meanwhile is not taken for alive, and apply makes another', async () => {
    await afterKill(1200, [1, 1], async (_testbed, app, artifact, open) => {
      const name = [...(await running(app)).keys()].find((pod) => pod.includes('-clock-')) ?? ''
      await killAll(() => withVariable('DEIS_POD', name))
      const scheduler = await open()
      expect((await scheduler.observe(app)).map((pod) => pod.type)).toEqual(['web', 'web'])
      await scheduler.apply(formation(app, 1, artifact), never, quiet)
      expect((await scheduler.observe(app)).map((pod) => pod.type).toSorted()).toEqual(['clock', 'web', 'web'])
    })
  })

  test('of sessions, nothing of them runs any more, not even what ignores every signal, and the pod goes on', async () => {
    const stubborn = "trap '' HUP INT TERM PIPE; (setsid sleep 607 &) ; echo here; while :; do sleep 0.1; done"
    const look = async (_testbed: Testbed, app: string, _artifact: Artifact, open: () => Promise<Scheduler>) => {
      const sessions = await variableOfAll('DEIS_SESSION')
      const before = await running(app)
      expect(new Set([...before.values()].flat().flatMap((pid) => sessions.get(pid) ?? [])).size).toBe(4)
      const scheduler = await open()
      const after = await running(app)
      expect([...after.values()].flat().filter((pid) => sessions.has(pid))).toEqual([])
      expect([...after.keys()].filter((pod) => pod.includes('-run-'))).toEqual([])
      for (const [pod, pids] of after)
        if (pod.includes('-web-')) expect(before.get(pod)).toEqual(expect.arrayContaining(pids))
      const pods = (await scheduler.observe(app)).map(({ type, state }) => `${type} ${state}`)
      expect(pods.toSorted()).toEqual(['clock up', 'web up', 'web up'])
    }
    await afterKill(1500, [1, 1], look, stubborn)
  })
})
