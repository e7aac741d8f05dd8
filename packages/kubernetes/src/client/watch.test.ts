// Does a watch show what the API has, whatever happens to its connection?
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube } from './client.ts'
import type { Pod } from './objects.ts'
import { type FakeApi, json, openFakeApi, refuse } from './testing.ts'
import { watchAll, type Watched } from './watch.ts'

let api: FakeApi
let pods: Watched<Pod> | null = null
let troubles: unknown[] = []
beforeEach(async () => {
  api = await openFakeApi()
  troubles = []
})
afterEach(async () => {
  await pods?.close()
  pods = null
  await api.close()
})

const path = '/api/v1/pods'

function pod(name: string, version: number, namespace = 'one'): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, resourceVersion: String(version) } }
}
const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`

/** What a list answers, and all watches one after the other. */
type World = { items: Pod[]; version: number; watches: { response: ServerResponse; from: string | null }[] }

function world(items: Pod[], version: number): World {
  const state: World = { items, version, watches: [] }
  api.answer(({ query }, response) => {
    if (query.get('watch') === 'true') {
      response.writeHead(200).flushHeaders()
      state.watches.push({ response, from: query.get('resourceVersion') })
    } else json(response, 200, { metadata: { resourceVersion: String(state.version) }, items: state.items })
  })
  return state
}

async function open(query: Record<string, string> = {}, headMs = 5_000): Promise<Watched<Pod>> {
  pods = await watchAll<Pod>(createKube(api.transport), path, {
    query,
    trouble: (error) => void troubles.push(error),
    headMs,
  })
  return pods
}

function told(watched: Watched<Pod>): string[] {
  const all: string[] = []
  watched.onChange(
    ({ metadata }, gone) => void all.push(`${gone ? '-' : '+'}${metadata?.name}@${metadata?.resourceVersion}`),
  )
  return all
}

const names = (): string[] => (pods?.all() ?? []).map(({ metadata }) => metadata?.name ?? '').toSorted()

test('listed objects are known, and changes are notified', async () => {
  const state = world([pod('a', 1), pod('b', 2, 'two')], 2)
  const watched = await open({ labelSelector: 'heritage=deis' })
  expect(names()).toEqual(['a', 'b'])
  expect(watched.of('two').map(({ metadata }) => metadata?.name)).toEqual(['b'])
  expect(watched.of('three')).toEqual([])
  expect(watched.get('two', 'b')?.metadata?.resourceVersion).toBe('2')
  expect(watched.get('one', 'b')).toBeUndefined()
  const all = told(watched)
  await expect.poll(() => state.watches.length).toBe(1)
  expect(state.watches[0]?.from).toBe('2')
  state.watches[0]?.response.write(
    event('ADDED', pod('c', 3)) + event('MODIFIED', pod('a', 4)) + event('DELETED', pod('b', 5, 'two')),
  )
  await expect.poll(() => all).toEqual(['+c@3', '+a@4', '-b@5'])
  expect(names()).toEqual(['a', 'c'])
  expect(watched.get('one', 'a')?.metadata?.resourceVersion).toBe('4')
  expect(api.seen.map(({ query }) => query.get('labelSelector'))).toEqual(['heritage=deis', 'heritage=deis'])
  expect(troubles).toEqual([])
})

test('lines come in any pieces, characters torn, several at once', async () => {
  const state = world([], 1)
  const all = told(await open())
  await expect.poll(() => state.watches.length).toBe(1)
  const bytes = Buffer.from(event('ADDED', pod('ä😀', 2)) + event('ADDED', pod('b', 3)) + event('ADDED', pod('€', 4)))
  for (let at = 0; at < bytes.length; at += 7) {
    const piece = bytes.subarray(at, at + 7)
    await new Promise<void>((resolve) => state.watches[0]?.response.write(piece, () => resolve()))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => all).toEqual(['+ä😀@2', '+b@3', '+€@4'])
})

test('an end by the server goes on from the last version, bookmarks included', async () => {
  const state = world([], 1)
  const all = told(await open())
  await expect.poll(() => state.watches.length).toBe(1)
  state.watches[0]?.response.end(event('ADDED', pod('a', 2)) + event('BOOKMARK', pod('', 9)))
  await expect.poll(() => state.watches.length).toBe(2)
  expect(state.watches[1]?.from).toBe('9')
  expect(all).toEqual(['+a@2'])
  expect(names()).toEqual(['a'])
  expect(troubles).toEqual([])
})

test('a cut connection, in the middle of a line, goes on from the last whole one', async () => {
  const state = world([], 1)
  const all = told(await open())
  await expect.poll(() => state.watches.length).toBe(1)
  state.watches[0]?.response.write(event('ADDED', pod('a', 2)) + event('ADDED', pod('b', 3)).slice(0, 20))
  await expect.poll(() => all).toEqual(['+a@2'])
  api.cut()
  await expect.poll(() => state.watches.length).toBe(2)
  expect(state.watches[1]?.from).toBe('2')
  state.watches[1]?.response.write(event('ADDED', pod('b', 3)))
  await expect.poll(() => all).toEqual(['+a@2', '+b@3'])
  expect(troubles).toMatchObject([{ code: 'ECONNRESET' }])
})

test.each(['in the stream', 'as the answer'])(
  '410 Gone %s: all is listed again and the difference told',
  async (where) => {
    const state = world([pod('a', 1), pod('b', 2), pod('c', 3)], 3)
    const all = told(await open())
    await expect.poll(() => state.watches.length).toBe(1)
    const again = world([pod('a', 1), pod('c', 12), pod('d', 13)], 20)
    const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 3 (15)' }
    if (where === 'in the stream') state.watches[0]?.response.end(event('ERROR', gone))
    else {
      const whole = api.seen.length
      api.answer(({ query }, response) => {
        if (query.get('watch') !== 'true' || api.seen.length > whole + 1)
          json(response, 200, { metadata: { resourceVersion: '20' }, items: again.items })
        else refuse(response, 410, 'Expired', gone.message)
      })
      state.watches[0]?.response.end()
    }
    await expect.poll(() => all.toSorted()).toEqual(['+c@12', '+d@13', '-b@2'])
    expect(names()).toEqual(['a', 'c', 'd'])
    expect(troubles[0]).toMatchObject({ status: 410, message: gone.message })
    await expect.poll(() => api.seen.at(-1)?.query.get('resourceVersion')).toBe('20')
  },
)

test('a server that is away is asked until it is back', async () => {
  const state = world([], 1)
  const all = told(await open())
  await expect.poll(() => state.watches.length).toBe(1)
  let refused = 0
  api.answer((_, response) => {
    refused++
    refuse(response, 503, 'ServiceUnavailable', 'starting')
  })
  state.watches[0]?.response.destroy()
  await expect.poll(() => refused).toBeGreaterThanOrEqual(2)
  const back = world([], 1)
  await expect.poll(() => back.watches.length, { timeout: 10_000 }).toBe(1)
  expect(back.watches[0]?.from).toBe('1')
  back.watches[0]?.response.write(event('ADDED', pod('a', 2)))
  await expect.poll(() => all).toEqual(['+a@2'])
})

test('a server that closes at once does not cause a busy loop', async () => {
  await open()
    .then(() => expect.unreachable())
    .catch((error: unknown) => expect(error).toMatchObject({ status: 404 }))
  const state = world([], 1)
  api.seen.length = 0
  api.answer(({ query }, response) => {
    if (query.get('watch') === 'true') response.writeHead(200).end()
    else json(response, 200, { metadata: { resourceVersion: String(state.version) }, items: [] })
  })
  await open()
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(api.seen.length).toBeLessThanOrEqual(6)
  expect(api.seen.length).toBeGreaterThanOrEqual(3)
})

test('a server that never begins to answer is given up', async () => {
  const state = world([], 1)
  await open({}, 1_000)
  await expect.poll(() => state.watches.length).toBe(1)
  api.answer(() => {})
  state.watches[0]?.response.end()
  await expect.poll(() => troubles.length, { timeout: 5_000 }).toBe(1)
  expect(troubles[0]).toMatchObject({ message: `the Kubernetes API did not begin to answer the watch of ${path}` })
})

test('invalid data in the stream is an error, not the end', async () => {
  const state = world([], 1)
  const all = told(await open())
  await expect.poll(() => state.watches.length).toBe(1)
  state.watches[0]?.response.write(`${event('ADDED', pod('a', 2))}<html>\n`)
  await expect.poll(() => state.watches.length).toBe(2)
  expect(state.watches[1]?.from).toBe('2')
  expect(all).toEqual(['+a@2'])
  expect(troubles[0]).toBeInstanceOf(SyntaxError)
})

test('a listener that throws affects neither the others nor the watch', async () => {
  const state = world([], 1)
  const watched = await open()
  const stop = watched.onChange(() => {
    throw new Error('bad listener')
  })
  const all = told(watched)
  await expect.poll(() => state.watches.length).toBe(1)
  state.watches[0]?.response.write(event('ADDED', pod('a', 2)))
  await expect.poll(() => all).toEqual(['+a@2'])
  expect(troubles).toMatchObject([{ message: 'bad listener' }])
  stop()
  state.watches[0]?.response.write(event('ADDED', pod('b', 3)))
  await expect.poll(() => all).toEqual(['+a@2', '+b@3'])
  expect(troubles).toHaveLength(1)
  expect(state.watches).toHaveLength(1)
})

test('a closed watch closes its connection at once', async () => {
  const state = world([], 1)
  const watched = await open()
  await expect.poll(() => state.watches.length).toBe(1)
  const over = new Promise((resolve) => state.watches[0]?.response.on('close', resolve))
  await watched.close()
  await over
  expect(troubles).toEqual([])
})
