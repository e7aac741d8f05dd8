// Is nothing lost and nothing left over when the controller is killed, wherever it was?
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { killAll, variableOfAll, withVariable } from '@deis/machine/pid'
import { until } from '@deis/ports/testing/contract-steps'
import type { Artifact, Scheduler } from '@deis/ports/scheduler'
import { afterKill, formation, never, quiet, running, servesOneRelease } from './kill-steps.ts'
import type { Testbed } from './testbed.ts'

describe.concurrent('after kill -9', { timeout: 120_000 }, () => {
  test.each([0, 60, 150, 600, 1300])(
    'of a deploy %i ms under way, one whole release serves and nothing else runs',
    servesOneRelease,
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
