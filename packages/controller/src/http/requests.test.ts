// Is a change with a request id made once, and can its user ask for the outcome, also when its controller is gone?
import { randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RequestRecord } from '@deis/types'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bounds } from '../domain/apps/bounds.ts'
import { converge } from '../domain/releases/converge.ts'
import { deleteOldRequests } from '../domain/requests/requests.ts'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let root: string
let ann: string
let eve: string
let address = ''
let app = ''
let count = 0
/** Holds what the scheduler is asked to run. */
let held: Promise<void> | null = null

beforeAll(async () => {
  f = await openFixture({
    env: { DEIS_DEPLOY_TIMEOUT: '2' },
    wrap: (inner) => ({
      ...inner,
      async apply(...args) {
        await held
        return inner.apply(...args)
      },
    }),
  })
  root = await f.user('root')
  ann = await f.user('ann')
  eve = await f.user('eve')
  await f.server.listen({ port: 0, host: '127.0.0.1' })
  address = `http://127.0.0.1:${(f.server.server.address() as AddressInfo).port}`
})
afterAll(() => f.close())
beforeEach(async () => {
  app = `app${count++}`
  await f.call('POST', '/v2/apps/', { id: app }, ann)
  const body = { image: 'shop:1', procfile: { web: 'serve' } }
  expect((await f.call('POST', `/v2/apps/${app}/builds/`, body, ann)).status).toBe(201)
})

type Sent = { readonly status: number; readonly text: string }

async function send(method: string, path: string, id: string, body?: unknown, token = ann): Promise<Sent> {
  const { statusCode, body: text } = await f.server.inject({
    method: method as 'POST',
    url: path,
    headers: { authorization: `token ${token}`, 'content-type': 'application/json', 'deis-request-id': id },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
  return { status: statusCode, text }
}

const config = (id: string, values: Record<string, string>, token = ann): Promise<Sent> =>
  send('POST', `/v2/apps/${app}/config/`, id, { values }, token)

async function ask(id: string, token = ann): Promise<RequestRecord> {
  const { status, body } = await f.call('GET', `/v2/requests/${encodeURIComponent(id)}/`, undefined, token)
  expect(status).toBe(200)
  return body as RequestRecord
}

async function versions(): Promise<number> {
  const { body } = await f.call('GET', `/v2/apps/${app}/releases/`, undefined, ann)
  return (body as { count: number }).count
}

/** As if the controller that has it had died just now. */
async function orphan(id: string): Promise<void> {
  await f.core.db.request.updateMany({ where: { id }, data: { instance: 'gone', status: null, answer: null } })
}

describe('a change with a name', () => {
  it('is done once, and answered the same again', async () => {
    const id = randomUUID()
    const first = await config(id, { A: '1' })
    expect(first.status).toBe(201)
    expect(await config(id, { A: '1' })).toEqual(first)
    expect(await versions()).toBe(3)
    expect(await ask(id)).toMatchObject({
      id,
      method: 'POST',
      path: `/v2/apps/${app}/config/`,
      state: 'ended',
      release: 'v3',
      status: 201,
      answer: first.text,
    })
  })

  it('a refusal is kept as well, and an answer without a body', async () => {
    const [again, scale] = [randomUUID(), randomUUID()]
    await config(randomUUID(), { A: '1' })
    const refused = await config(again, { A: '1' })
    expect(refused.status).toBe(409)
    expect(await config(again, { A: '1' })).toEqual(refused)
    expect(await ask(again)).toMatchObject({ state: 'ended', status: 409, answer: refused.text, release: null })
    expect(await send('POST', `/v2/apps/${app}/scale/`, scale, { web: 2 })).toEqual({ status: 204, text: '' })
    expect(await send('POST', `/v2/apps/${app}/scale/`, scale, { web: 2 })).toEqual({ status: 204, text: '' })
    expect(await ask(scale)).toMatchObject({ state: 'ended', status: 204, answer: '' })
  })

  it('an answer too long to be kept is made of what is stored', async () => {
    const id = randomUUID()
    const values = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`LONG_${index}`, 'x'.repeat(10_000)]))
    const first = await config(id, values)
    expect(first.status).toBe(201)
    expect(first.text.length).toBeGreaterThan(64 * 1024)
    const again = await config(id, values)
    expect(again.status).toBe(201)
    expect(JSON.parse(again.text)).toMatchObject({ app, values })
    expect(await versions()).toBe(3)
  })

  it('while it goes on, it is running, and is not begun a second time', async () => {
    const id = randomUUID()
    let go = (): void => {}
    held = new Promise((resolve) => {
      go = resolve
    })
    const first = config(id, { A: '1' })
    await expect.poll(async () => (await f.call('GET', `/v2/requests/${id}/`, undefined, ann)).status).toBe(200)
    await expect.poll(async () => (await ask(id)).release).toBe('v3')
    expect(await ask(id)).toMatchObject({ state: 'running', status: null, answer: null })
    expect((await config(id, { A: '1' })).status).toBe(503)
    held = null
    go()
    const answer = await first
    expect(answer.status).toBe(201)
    expect(await config(id, { A: '1' })).toEqual(answer)
    expect(await versions()).toBe(3)
  })

  it('ends although its client is gone', async () => {
    const id = randomUUID()
    let go = (): void => {}
    held = new Promise((resolve) => {
      go = resolve
    })
    const headers = { authorization: `token ${ann}`, 'content-type': 'application/json', 'deis-request-id': id }
    const client = httpRequest(`${address}/v2/apps/${app}/config/`, { method: 'POST', headers })
    client.on('error', () => {})
    client.end(JSON.stringify({ values: { A: '1' } }))
    await expect.poll(async () => (await f.call('GET', `/v2/requests/${id}/`, undefined, ann)).status).toBe(200)
    client.destroy()
    held = null
    go()
    await expect.poll(async () => (await ask(id)).state).toBe('ended')
    expect(await ask(id)).toMatchObject({ status: 201, release: 'v3' })
  })

  it('another user may use the same name, and learns nothing', async () => {
    const id = randomUUID()
    await config(id, { A: 'secret' })
    const { status, text } = await f.call('GET', `/v2/requests/${id}/`, undefined, eve)
    expect({ status, text }).toEqual({ status: 404, text: '"No Request matches the given query."' })
    expect((await config(id, { A: '2' }, eve)).status).toBe(403)
    expect((await send('POST', '/v2/apps/', id, { id: `${app}-eve` }, eve)).status).toBe(201)
    expect(await ask(id)).toMatchObject({ release: 'v3' })
    expect(await ask(id, root)).toMatchObject({ id, state: 'ended' })
    expect((await f.call('GET', `/v2/requests/${id}/`)).status).toBe(401)
  })

  it('one name is for one request', async () => {
    const id = randomUUID()
    await config(id, { A: '1' })
    expect(await send('POST', `/v2/apps/${app}/scale/`, id, { web: 2 })).toMatchObject({ status: 400 })
  })

  it.each(['short', 'with blank', 'x'.repeat(65), '../../etc/passwd', '%00%00%00%00%00'])(
    'is not called %j',
    async (id) => {
      expect(await config(id, { A: '1' })).toMatchObject({ status: 400 })
      const { status, text } = await f.call('GET', `/v2/requests/${encodeURIComponent(id)}/`, undefined, root)
      expect({ status, text }).toMatchObject({ status: 404 })
      expect(await versions()).toBe(2)
    },
  )

  it('an unknown name, and a change without one, leave nothing', async () => {
    const before = await f.core.db.request.count()
    expect(await f.call('GET', `/v2/requests/${randomUUID()}/`, undefined, ann)).toMatchObject({ status: 404 })
    expect((await f.call('POST', `/v2/apps/${app}/config/`, { values: { A: '1' } }, ann)).status).toBe(201)
    expect(await f.core.db.request.count()).toBe(before)
  })

  it('its answer is not readable in the database', async () => {
    const id = randomUUID()
    await config(id, { A: 'confidential' })
    expect(JSON.stringify(await f.core.db.request.findFirst({ where: { id } }))).not.toContain('confidential')
  })
})

describe('when its controller is gone', () => {
  it('before anything was stored: it was interrupted, and sent again it is done', async () => {
    const id = randomUUID()
    await config(randomUUID(), { A: '1' })
    expect((await config(id, { A: '1' })).status).toBe(409)
    await orphan(id)
    expect(await ask(id)).toMatchObject({ state: 'interrupted', status: null, release: null })
    await config(randomUUID(), { A: '0' })
    expect((await config(id, { A: '1' })).status).toBe(201)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: 201, release: 'v5' })
  })

  it('while its release is pending it is running, and ends as the deploy that is carried on', async () => {
    const id = randomUUID()
    const answer = await config(id, { A: '1' })
    await orphan(id)
    await f.core.db.release.updateMany({ where: { version: 3, app: { id: app } }, data: { state: 'pending' } })
    expect(await ask(id)).toMatchObject({ state: 'running', release: 'v3' })
    expect((await config(id, { A: '1' })).status).toBe(503)
    await converge(f.core, app)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: 201, answer: answer.text })
    expect(await config(id, { A: '1' })).toEqual(answer)
    expect(await versions()).toBe(3)
  })

  it('a deploy that failed is told in the words of that time', async () => {
    const id = randomUUID()
    const body = { image: 'shop:2', procfile: { web: 'crash' } }
    const failed = await send('POST', `/v2/apps/${app}/builds/`, id, body)
    expect(failed.status).toBe(400)
    await orphan(id)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: 400, answer: failed.text, release: 'v3' })
  })

  it('a build and a rollback are answered with what they made', async () => {
    const [build, back] = [randomUUID(), randomUUID()]
    const built = await send('POST', `/v2/apps/${app}/builds/`, build, { image: 'shop:2', procfile: { web: 'serve' } })
    const rolled = await send('POST', `/v2/apps/${app}/releases/rollback/`, back, { version: 2 })
    for (const id of [build, back]) await orphan(id)
    expect(await ask(build)).toMatchObject({ state: 'ended', status: 201, answer: built.text })
    expect(await ask(back)).toMatchObject({ state: 'ended', status: 201, answer: rolled.text })
  })

  it('a new scale has ended when it runs', async () => {
    const id = randomUUID()
    await send('POST', `/v2/apps/${app}/scale/`, id, { web: 2 })
    await orphan(id)
    await f.core.db.app.updateMany({ where: { id: app }, data: { structure: { web: 3 } } })
    expect(await ask(id)).toMatchObject({ state: 'running' })
    await converge(f.core, app)
    expect(await ask(id)).toMatchObject({ state: 'ended', status: 204 })
  })

  it('settings, and apps that are made and destroyed, are looked at', async () => {
    const [set, made, doomed, spared, tls, whitelist] = Array.from({ length: 6 }, () => randomUUID())
    const answers = [
      await send('POST', `/v2/apps/${app}/settings/`, set!, { maintenance: true }),
      await send('POST', `/v2/apps/${app}/tls/`, tls!, { https_enforced: true }),
      await send('POST', `/v2/apps/${app}/whitelist/`, whitelist!, { addresses: ['10.0.0.1'] }),
      await send('POST', '/v2/apps/', made!, { id: `${app}-new` }),
    ]
    for (const [index, id] of [set, tls, whitelist, made].entries()) {
      await orphan(id!)
      const { state, status } = await ask(id!)
      expect({ state, status }).toEqual({ state: 'ended', status: answers[index]?.status })
      expect(status).toBe(201)
    }
    expect((await send('DELETE', `/v2/apps/${app}-new/`, doomed!)).status).toBe(204)
    expect((await send('DELETE', `/v2/apps/${app}/`, spared!, undefined, eve)).status).toBe(403)
    await orphan(doomed!)
    expect(await ask(doomed!)).toMatchObject({ state: 'ended', status: 204 })
  })
})

it('requests are forgotten after a day, and of each user only the newest are kept', async () => {
  const { id: userId } = await f.core.db.user.findUniqueOrThrow({ where: { username: 'eve' } })
  const at = (hours: number, n: number): Date => new Date(Date.now() - hours * 3600 * 1000 + n)
  const row = (n: number, hours: number) => ({
    userId,
    id: `forgotten-${hours}-${n}`,
    route: 'POST /v2/apps/',
    path: '/v2/apps/',
    instance: 'gone',
    stored: false,
    createdAt: at(hours, n),
    updatedAt: at(hours, n),
  })
  const many = Array.from({ length: bounds.requestsOfUser + 30 }, (_, n) => row(n, 1))
  await f.core.db.request.createMany({ data: [row(0, 25), ...many] })
  await deleteOldRequests(f.core, userId)
  const left = await f.core.db.request.findMany({ where: { userId, id: { startsWith: 'forgotten' } } })
  expect(left.length).toBeLessThanOrEqual(bounds.requestsOfUser)
  expect(left.map(({ id }) => id)).not.toContain('forgotten-25-0')
  expect(left.map(({ id }) => id)).toContain(`forgotten-1-${bounds.requestsOfUser + 29}`)
})
