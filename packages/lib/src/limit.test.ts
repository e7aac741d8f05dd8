// Are never more than the limit under way, and does a call that gave up take no slot?
import { expect, test } from 'vitest'
import { createLimit } from './limit.ts'

const never = new AbortController().signal

function job() {
  let finish = (): void => {}
  const state = { started: false }
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const work = (): Promise<void> => {
    state.started = true
    return done
  }
  return { state, work, finish: () => finish() }
}

test('the third waits for one of two, in order', async () => {
  const limit = createLimit(2)
  const jobs = [job(), job(), job(), job()]
  const all = jobs.map(({ work }) => limit(never, work))
  const started = (): boolean[] => jobs.map(({ state }) => state.started)
  expect(started()).toEqual([true, true, false, false])
  jobs[1]?.finish()
  await all[1]
  await Promise.resolve()
  expect(started()).toEqual([true, true, true, false])
  for (const { finish } of jobs) finish()
  await Promise.all(all)
})

test('a call that gives up leaves the queue, and a failure frees its slot', async () => {
  const limit = createLimit(1)
  const first = job()
  const running = limit(never, async () => {
    await first.work()
    throw new Error('broken')
  })
  const impatient = new AbortController()
  const given = limit(impatient.signal, async () => 'never')
  const last = limit(never, async () => 'done')
  impatient.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
  first.finish()
  await expect(running).rejects.toThrow('broken')
  expect(await last).toBe('done')
})

test('when the queue is full, the next call is refused', async () => {
  const limit = createLimit(1, { waiting: 1, refusal: () => new Error('full') })
  const first = job()
  const [running, waits] = [limit(never, first.work), limit(never, async () => 'second')]
  await expect(limit(never, async () => 'third')).rejects.toThrow('full')
  first.finish()
  await running
  expect(await waits).toBe('second')
  expect(await limit(never, async () => 'fourth')).toBe('fourth')
})
