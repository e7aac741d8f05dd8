// Does the memory scheduler keep the contract, and report what was applied?
import { expect, test } from 'vitest'
import { schedulerContract } from './contract.ts'
import { testFormation } from './formation.ts'
import { createMemoryScheduler } from './memory.ts'
import { openMemoryHarness } from './memory-harness.ts'

schedulerContract('memory', () => openMemoryHarness())

test('capabilities are as the test wants them', async () => {
  const scheduler = createMemoryScheduler({ capabilities: { images: false } })
  expect(await scheduler.capabilities()).toMatchObject({ images: false, slugs: true })
})

test('what was applied can be read back', async () => {
  const scheduler = createMemoryScheduler()
  const formation = testFormation(
    'tea',
    2,
    { kind: 'image', reference: 'tea@sha256:0', launcher: 'none' },
    { web: { command: null, replicas: 1, graceSeconds: 30 } },
  )
  expect(scheduler.applied('tea')).toBeUndefined()
  await scheduler.apply(formation, new AbortController().signal, () => {})
  expect(scheduler.applied('tea')).toBe(formation)
})
