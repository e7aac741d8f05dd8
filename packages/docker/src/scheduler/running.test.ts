// Does stopping a container leave nothing on a signal that goes on?
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { createClient } from '../engine/client.ts'
import type { Backend } from './backend.ts'
import { stopContainer } from './running.ts'

test('a container that ends while the engine is away', async () => {
  const { signal } = new AbortController()
  const backend = { options: { engine: createClient({ host: 'unix:///nowhere/docker.sock', certPath: null }) } }
  const output = { ended: Promise.resolve(), last: () => [], stop: async () => {} }
  const exited = Promise.resolve({ code: 0, signal: null, outOfMemory: false })
  const running = { id: 'c1', started: new Date(), exited, output }
  await expect(stopContainer(backend as Backend, running as never, 0, signal)).rejects.toThrow('does not answer')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
