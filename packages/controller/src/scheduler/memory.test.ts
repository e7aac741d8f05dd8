// Does the memory scheduler keep the contract, and is it honest about what it does?
import { expect, test } from 'vitest'
import { schedulerContract } from './contract.ts'
import { createMemoryScheduler, createMemoryWorld } from './memory.ts'

schedulerContract('memory', async () => {
  const world = createMemoryWorld()
  let scheduler = createMemoryScheduler({ world })
  let turn = 0
  return {
    scheduler: () => scheduler,
    artifact: { kind: 'slug', digest: `sha256:${'0'.repeat(64)}` },
    commands: {
      serve: 'serve',
      crash: 'crash',
      neverReady: 'never-ready',
      print: (text) => `echo ${text}`,
      echo: (text) => `echo ${text}`,
      exit: (code) => `exit ${code}`,
      printenv: (name) => `printenv ${name}`,
      sleep: 'sleep',
    },
    async ask(app) {
      const addresses = (await scheduler.observe(app)).flatMap((pod) => pod.address ?? [])
      const answer = scheduler.ask(addresses[turn++ % addresses.length] ?? '')
      // A request takes a moment; others get their turn meanwhile.
      await new Promise((resolve) => setImmediate(resolve))
      if (!answer) throw new Error(`nobody answers for ${app}`)
      return { pod: answer.pod, greeting: answer.env['GREETING'] ?? null }
    },
    crash: async (pod) => scheduler.crash(pod.name),
    async reopen() {
      scheduler = createMemoryScheduler({ world })
    },
    close: () => scheduler.close({ stop: true }),
  }
})

test('capabilities are as the test wants them', async () => {
  const scheduler = createMemoryScheduler({ capabilities: { images: false } })
  expect(await scheduler.capabilities()).toMatchObject({ images: false, slugs: true })
})

test('what was applied can be read back', async () => {
  const scheduler = createMemoryScheduler()
  const formation = {
    app: 'tea',
    release: 2,
    artifact: { kind: 'image', reference: 'tea@sha256:0' },
    env: {},
    processes: { web: { command: null, replicas: 1, graceSeconds: 30 } },
    routable: 'web',
    tags: {},
    registry: {},
    deployTimeoutSeconds: 1,
  } as const
  expect(scheduler.applied('tea')).toBeUndefined()
  await scheduler.apply(formation, new AbortController().signal, () => {})
  expect(scheduler.applied('tea')).toBe(formation)
})
