// How does a test look at what is there after its controller was killed during a deploy?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { variableOfAll } from '@deis/machine/pid'
import { contractFiles } from '@deis/ports/testing/contract-harness'
import { testFormation } from '@deis/ports/testing/formation'
import { until } from '@deis/ports/testing/contract-steps'
import { openVictim } from '@deis/ports/testing/victim'
import type { Artifact, Formation, Scheduler } from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { testProgram } from '@deis/machine/archive-testing'
import { openTestbed, type Testbed } from './testbed.ts'
import type { Orders } from './victim.ts'

export const never = new AbortController().signal
export const quiet = (): void => {}
const killed = openVictim(new URL('victim.ts', import.meta.url))

/** Pod names with the pids of their processes. */
export async function running(app: string): Promise<Map<string, number[]>> {
  const pods = new Map<string, number[]>()
  for (const [pid, pod] of await variableOfAll('DEIS_POD'))
    if (pod.startsWith(`${app}-`)) pods.set(pod, [...(pods.get(pod) ?? []), pid])
  for (const pids of pods.values()) pids.sort((one, other) => one - other)
  return pods
}

export const formation = (app: string, release: number, artifact: Artifact): Formation => {
  const processes = {
    web: { command: 'node server.mjs', replicas: 2, graceSeconds: 5 },
    clock: { command: 'for i in $(seq 100000); do echo tick $i; sleep 0.05; done', replicas: 1, graceSeconds: 5 },
  }
  return testFormation(app, release, artifact, processes, { env: { GREETING: `v${release}` }, port: null })
}

export async function afterKill(
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

/** Killed so many milliseconds after a deploy began: one whole release serves, nothing else runs, and the next deploy works. */
export async function servesOneRelease(dieAfter: number): Promise<void> {
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
}
