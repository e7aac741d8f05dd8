// Does the flaky scheduler fail before and after the effect, repeatably for a seed, and do callers that retry converge?
import { expect, test } from 'vitest'
import { createFlakyScheduler } from './flaky.ts'
import { schedulerContract } from './contract.ts'
import { testFormation } from './formation.ts'
import { createMemoryScheduler } from './memory.ts'
import { openMemoryHarness } from './memory-harness.ts'
import type { Formation, Scheduler } from '../scheduler.ts'

const never = new AbortController().signal
const formation = (release: number): Formation =>
  testFormation(
    'tea',
    release,
    { kind: 'slug', digest: `sha256:${'0'.repeat(64)}` },
    { web: { command: null, replicas: 2, graceSeconds: 5 } },
  )

async function attempts(seed: number): Promise<string[]> {
  const memory = createMemoryScheduler()
  const flaky = createFlakyScheduler(memory, { seed, rate: 0.6, delayMs: 1 })
  const outcomes: string[] = []
  for (let release = 1; release <= 20; release++) {
    const thrown = await flaky.apply(formation(release), never, () => {}).catch((error: Error) => error)
    const took = memory.applied('tea')?.release === release
    outcomes.push(`${thrown ? thrown.message : 'fine'}, ${took ? 'done' : 'not done'}`)
  }
  return outcomes
}

test('failures come before or after the effect, repeatably', async () => {
  const outcomes = await attempts(1)
  expect(new Set(outcomes)).toEqual(
    new Set([
      'memory failed on purpose before apply, not done',
      'memory failed on purpose after apply, done',
      'fine, done',
    ]),
  )
  expect(await attempts(1)).toEqual(outcomes)
  expect(await attempts(2)).not.toEqual(outcomes)
})

test.each([1, 2, 3, 4, 5])('retries converge, seed %i', async (seed) => {
  const memory = createMemoryScheduler()
  const flaky = createFlakyScheduler(memory, { seed, rate: 0.5, delayMs: 1 })
  const insist = async (call: () => Promise<unknown>): Promise<void> => {
    for (let tries = 0; tries < 50; tries++)
      if (
        await call()
          .then(() => true)
          .catch(() => false)
      )
        return
    throw new Error('50 tries were not enough')
  }
  for (let release = 1; release <= 5; release++) await insist(() => flaky.apply(formation(release), never, () => {}))
  const ups = (await memory.observe('tea')).filter((pod) => pod.state === 'up')
  expect(ups.map((pod) => pod.release)).toEqual([5, 5])
  await insist(() => flaky.remove('tea', never))
  expect(await memory.observe('tea')).toEqual([])
  expect(flaky.faults()).toBeGreaterThan(0)
})

/** Retries what fails, as every caller has to. Only idempotent calls are made to fail. */
function insistent(memory: Scheduler): Scheduler {
  const flaky = createFlakyScheduler(memory, { seed: 7, rate: 0.4, delayMs: 1 })
  const again =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      for (;;) {
        try {
          return await call(...args)
        } catch (error) {
          if (!(error as Error).message.includes('failed on purpose')) throw error
        }
      }
    }
  return {
    ...memory,
    name: 'flaky',
    capabilities: again(flaky.capabilities),
    apply: again(flaky.apply),
    resume: again(flaky.resume),
    observe: again(flaky.observe),
    logs: again(flaky.logs),
    remove: again(flaky.remove),
  }
}

schedulerContract('flaky, by a caller that retries', () => openMemoryHarness(insistent))
