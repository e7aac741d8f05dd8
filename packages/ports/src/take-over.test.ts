// Are the right pods kept, added and retired?
import { expect, test } from 'vitest'
import { type Candidate, planRollout, type SwapPod, takeOver } from './take-over.ts'
import { DeployFailure, type Formation } from './scheduler.ts'

type Named = Candidate & { readonly name: string }

const pod = (name: string, type: string, release: number, age: number, ok = true): Named => ({
  name,
  type,
  release,
  started: new Date(1_000_000 - age),
  ok,
})

function plan(pods: readonly Named[], replicas: Record<string, number>) {
  const processes = Object.fromEntries(
    Object.entries(replicas).map(([type, count]) => [type, { command: null, replicas: count, graceSeconds: 30 }]),
  )
  const { keep, add, retire } = planRollout(pods, { release: 2, processes } as unknown as Formation)
  return { keep: keep.map((one) => one.name), add, retire: retire.map((one) => one.name) }
}

test.each([
  { title: 'nothing to nothing', pods: [], want: {}, keep: [], add: [], retire: [] },
  { title: 'first pods', pods: [], want: { web: 2, job: 1 }, keep: [], add: ['web', 'web', 'job'], retire: [] },
  { title: 'all there', pods: [pod('a', 'web', 2, 1)], want: { web: 1 }, keep: ['a'], add: [], retire: [] },
  { title: 'old release', pods: [pod('a', 'web', 1, 1)], want: { web: 1 }, keep: [], add: ['web'], retire: ['a'] },
  { title: 'type gone', pods: [pod('a', 'job', 2, 1)], want: { web: 0 }, keep: [], add: [], retire: ['a'] },
  {
    title: 'the newest go first',
    pods: [pod('new', 'web', 2, 1), pod('old', 'web', 2, 3), pod('middle', 'web', 2, 2)],
    want: { web: 2 },
    keep: ['old', 'middle'],
    add: [],
    retire: ['new'],
  },
  {
    title: 'broken ones go before new ones',
    pods: [pod('broken', 'web', 2, 9, false), pod('fine', 'web', 2, 1)],
    want: { web: 1 },
    keep: ['fine'],
    add: [],
    retire: ['broken'],
  },
  {
    title: 'broken ones are kept when wanted',
    pods: [pod('broken', 'web', 2, 9, false)],
    want: { web: 2 },
    keep: ['broken'],
    add: ['web'],
    retire: [],
  },
])('$title', ({ pods, want, keep, add, retire }) => {
  expect(plan(pods, want as Record<string, number>)).toEqual({ keep, add, retire })
})

test('twenty processes of an app that wait for each other are not taken for a leak of listeners', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warned)
  const types = Array.from({ length: 20 }, () => 'web')
  const swap = {
    types,
    waitFor: [],
    seconds: 60,
    add: async (type: string): Promise<SwapPod> => ({ type, ready: false, whenReady: new Set() }),
    keep: async () => {},
    async start(pods: readonly SwapPod[], _signal: AbortSignal, up: (pod: SwapPod) => Promise<void>) {
      const ready = pods.map(up)
      for (const { whenReady } of pods) for (const notify of whenReady) notify()
      await Promise.all(ready)
    },
    late: async () => new DeployFailure('late', [], ''),
    explain: () => new DeployFailure('failed', [], ''),
    serve: async () => {},
    undo: async () => {},
  }
  expect(await takeOver(swap, new AbortController().signal)).toHaveLength(20)
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', warned)
  expect(warnings).toEqual([])
})
