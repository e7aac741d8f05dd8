// Does following end when the right to it does?
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fixture, openFixture } from '../http/fixture.ts'
import { followLogs } from './followLogs.ts'

let f: Fixture
beforeAll(async () => {
  f = await openFixture()
  const root = await f.user('root')
  await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
})
afterAll(() => f.close())

const wanted = { lines: 10, type: null }

it('asks now and then, and ends when the answer is no; trouble with asking ends nothing', async () => {
  const answers = [() => true, () => Promise.reject(new Error('the database is away')), () => false]
  let asked = 0
  const readable = await followLogs(f.core, 'tea', wanted, {
    signal: new AbortController().signal,
    mayGoOn: async () => (await answers[asked++]?.()) ?? false,
    askEveryMs: 10,
  })
  expect(await text(readable)).toContain('root created initial release\n')
  expect(asked).toBe(3)
})

it('ends with the client', async () => {
  const client = new AbortController()
  const readable = await followLogs(f.core, 'tea', wanted, { signal: client.signal, mayGoOn: async () => true })
  const told = text(readable)
  client.abort()
  expect(await told).toContain('root created initial release\n')
})

it('fails at once where the backend cannot say what was there, and listens no longer', async () => {
  const failing = {
    ...f.core,
    scheduler: { ...f.core.scheduler, follow: () => Promise.reject(new Error('no cluster')) },
  }
  const options = { signal: new AbortController().signal, mayGoOn: async () => true }
  await expect(followLogs(failing, 'tea', wanted, options)).rejects.toThrow('no cluster')
})
