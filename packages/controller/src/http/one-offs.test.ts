// Are one-off processes listed, and stopped by users of the app, also when their client disconnects?
import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stopForPeer } from '../domain/live/one-offs.ts'
import { type Answer, type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let ann: string
let eve: string
let address = ''
let count = 0

beforeAll(async () => {
  f = await openFixture()
  await f.user('root')
  ann = await f.user('ann')
  eve = await f.user('eve')
  await f.server.listen({ port: 0, host: '127.0.0.1' })
  address = `http://127.0.0.1:${(f.server.server.address() as AddressInfo).port}`
})
afterAll(() => f.close())

async function deployed(): Promise<string> {
  const id = `app${count++}`
  await f.call('POST', '/v2/apps/', { id }, ann)
  const body = { image: 'shop:1', procfile: { web: 'node server.js', worker: 'work' } }
  expect((await f.call('POST', `/v2/apps/${id}/builds/`, body, ann)).status).toBe(201)
  return id
}

/** Resolves when it runs. */
async function begin(id: string, requestId?: string) {
  const seen = new Promise<void>((resolve) => {
    const end = f.memory.onChange((app) => {
      void f.memory.observe(app).then((pods) => {
        if (app !== id || !pods.some(({ type, state }) => type === 'run' && state === 'up')) return
        end()
        resolve()
      })
    })
  })
  const client = request(`${address}/v2/apps/${id}/run`, {
    method: 'POST',
    headers: {
      authorization: `token ${ann}`,
      'content-type': 'application/json',
      ...(requestId === undefined ? {} : { 'Deis-Request-Id': requestId }),
    },
  })
  const answered = once(client, 'response').then(async ([response]) => {
    let text = ''
    for await (const part of response as AsyncIterable<Buffer>) text += part.toString()
    return JSON.parse(text) as unknown
  })
  client.end(JSON.stringify({ command: 'sleep' }))
  await Promise.race([seen, answered])
  const pods = await f.memory.observe(id)
  return { client, answered, name: pods.find(({ type }) => type === 'run')?.name ?? '' }
}

const stop = (id: string, name: string, token = ann): Promise<Answer> =>
  f.call('POST', `/v2/apps/${id}/pods/run/${name}/stop/`, undefined, token)
const names = async (id: string, query = ''): Promise<string[]> => {
  const { body } = await f.call('GET', `/v2/apps/${id}/pods/${query}`, undefined, ann)
  return (body as { results: { name: string; type: string }[] }).results.map(({ type, name }) => `${type} ${name}`)
}

it('they are listed for who asks for them, and stopped by name', async () => {
  const id = await deployed()
  const { answered, name } = await begin(id)
  expect(name).toMatch(new RegExp(`^${id}-run-[a-z0-9]{5}$`))
  expect(await names(id)).toEqual([expect.stringMatching(/^web /)])
  expect(await names(id, '?one_off=1')).toContain(`run ${name}`)
  expect((await stop(id, name, eve)).status).toBe(403)
  expect((await stop(id, name)).status).toBe(204)
  expect(await answered).toEqual({ exit_code: 143, output: '' })
  expect(await names(id, '?one_off=1')).toEqual([expect.stringMatching(/^web /)])
  expect(await stop(id, name)).toMatchObject({ status: 404, body: { detail: `"${id}" has no process "${name}".` } })
})

it('they are stopped by the short name, and by what their client calls them', async () => {
  const id = await deployed()
  const one = await begin(id)
  expect((await stop(id, one.name.slice(id.length + 1))).status).toBe(204)
  expect(await one.answered).toMatchObject({ exit_code: 143 })
  const two = await begin(id, 'client-request-7')
  const other = await deployed()
  expect((await stop(other, 'client-request-7')).status).toBe(404)
  expect((await stop(other, two.name)).status).toBe(404)
  expect((await stop(id, 'client-request-7')).status).toBe(204)
  expect(await two.answered).toMatchObject({ exit_code: 143 })
})

it('other processes are not stopped: they would come again', async () => {
  const id = await deployed()
  const [web = ''] = (await f.memory.observe(id)).map(({ name }) => name)
  expect(await stop(id, web)).toMatchObject({
    status: 409,
    body: {
      detail: `"${web}" is a process of the type web and would be started again, so it was not stopped. Stop all of them with deis scale web=0, or replace it with deis ps:restart ${web}.`,
    },
  })
})

it('a client that goes away takes its command with it', async () => {
  const id = await deployed()
  const { client, answered, name } = await begin(id)
  answered.catch(() => {})
  const gone = new Promise<void>((resolve) => {
    f.memory.onChange((app) => {
      void f.memory.observe(app).then((pods) => {
        if (app === id && !pods.some((pod) => pod.name === name)) resolve()
      })
    })
  })
  client.on('error', () => {})
  client.destroy()
  await gone
})

it('another controller asks for it', async () => {
  const id = await deployed()
  const { answered, name } = await begin(id)
  stopForPeer(f.core, 'another', name, 'ann')
  stopForPeer(f.core, id, name, 'ann')
  expect(await answered).toMatchObject({ exit_code: 143 })
})

it.each(['short', 'with blank', 'x'.repeat(65)])('a request is not called %j', async (requestId) => {
  const id = await deployed()
  const { answered } = await begin(id, requestId)
  expect(await answered).toEqual({ detail: 'deis-request-id must have 8 to 64 letters, digits, "-" or "_".' })
})
