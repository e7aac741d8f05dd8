// Is one app's work done in order, beside other apps', and can it be cancelled?
import { expect, test } from 'vitest'
import { createSerialQueue } from './serial-queue.ts'

const forever = new AbortController().signal

function barrier(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

test('work of one app waits for the work before it, other apps do not', async () => {
  const queue = createSerialQueue()
  const first = barrier()
  const order: string[] = []
  const one = queue.queued('app', forever, async () => {
    await first.opened
    order.push('one')
  })
  const two = queue.queued('app', forever, async () => void order.push('two'))
  await queue.queued('other', forever, async () => void order.push('other'))
  await queue.alongside('app', forever, async () => void order.push('alongside'))
  first.open()
  await Promise.all([one, two])
  expect(order).toEqual(['other', 'alongside', 'one', 'two'])
})

test('a failure does not stop the queue', async () => {
  const queue = createSerialQueue()
  const bad = queue.queued('app', forever, () => Promise.reject(new Error('no')))
  const good = queue.queued('app', forever, async () => 'fine')
  await expect(bad).rejects.toThrow('no')
  expect(await good).toBe('fine')
})

test('who gives up waiting gets the reason at once, and the next still waits for the first', async () => {
  const queue = createSerialQueue()
  const first = barrier()
  const order: string[] = []
  const one = queue.queued('app', forever, async () => {
    await first.opened
    order.push('one')
  })
  const impatient = new AbortController()
  const two = queue.queued('app', impatient.signal, async () => void order.push('two'))
  const three = queue.queued('app', forever, async () => void order.push('three'))
  impatient.abort(new Error('enough'))
  await expect(two).rejects.toThrow('enough')
  expect(order).toEqual([])
  first.open()
  await Promise.all([one, three])
  expect(order).toEqual(['one', 'three'])
})

test('cancel aborts what runs and what waits, and resolves when both have ended', async () => {
  const queue = createSerialQueue()
  const started = barrier()
  let cleaned = false
  const running = queue.queued('app', forever, async (signal) => {
    started.open()
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await Promise.resolve()
    cleaned = true
    signal.throwIfAborted()
  })
  const waiting = queue.queued('app', forever, async () => {})
  const results = Promise.allSettled([running, waiting])
  await started.opened
  await queue.cancel('app', new Error('gone'))
  expect(cleaned).toBe(true)
  expect((await results).map((one) => one.status === 'rejected' && String(one.reason))).toEqual([
    'Error: gone',
    'Error: gone',
  ])
})
