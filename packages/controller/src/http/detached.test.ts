// Does a one-off command run on without a client, and say how it ended?
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
let ann: string
let count = 0

beforeAll(async () => {
  f = await openFixture()
  ann = await f.user('ann')
})
afterAll(() => f.close())

async function deployed(): Promise<string> {
  const id = `app${count++}`
  await f.call('POST', '/v2/apps/', { id }, ann)
  expect((await f.call('POST', `/v2/apps/${id}/builds/`, { image: 'shop:1' }, ann)).status).toBe(201)
  return id
}

const start = (id: string, command: unknown) => f.call('POST', `/v2/apps/${id}/run/detached/`, { command }, ann)
const nameIn = (body: unknown) => (body as { name: string }).name
const log = async (id: string) => (await f.call('GET', `/v2/apps/${id}/logs`, undefined, ann)).text
const until = (what: string, check: () => Promise<boolean>): Promise<void> =>
  expect.poll(check, { message: what, timeout: 20_000 }).toBe(true)
const logged = (id: string, text: string) => until(text, async () => (await log(id)).includes(text))

it('answers at once, is listed, and is stopped by its name', async () => {
  const id = await deployed()
  const { status, body } = await start(id, 'sleep')
  expect({ status, body }).toEqual({
    status: 201,
    body: { name: expect.stringMatching(new RegExp(`^${id}-run-[a-z0-9]{5}$`)) as string, release: 'v2' },
  })
  const name = nameIn(body)
  expect(await log(id)).toContain(`INFO ann runs a command in v2 as ${name}`)
  await until('it is listed', async () =>
    (await f.call('GET', `/v2/apps/${id}/pods/?one_off=1`, undefined, ann)).text.includes(name),
  )
  expect((await f.call('POST', `/v2/apps/${id}/pods/run/${name}/stop/`, undefined, ann)).status).toBe(204)
  await logged(id, `INFO ${name} was stopped`)
})

it('its exit code is in the log', async () => {
  const id = await deployed()
  const name = nameIn((await start(id, 'exit 3')).body)
  await logged(id, `INFO ${name} ended with exit code 3`)
})

it('with an id it is started once', async () => {
  const id = await deployed()
  const headers = { authorization: `token ${ann}`, 'content-type': 'application/json', 'deis-request-id': 'detached-1' }
  const send = () =>
    f.server.inject({ method: 'POST', url: `/v2/apps/${id}/run/detached/`, headers, payload: { command: 'sleep' } })
  const first = await send()
  expect(first.statusCode).toBe(201)
  expect((await send()).body).toBe(first.body)
  expect(f.core.here.oneOffs.size).toBe(1)
  await f.call('POST', `/v2/apps/${id}/pods/run/${nameIn(first.json())}/stop/`, undefined, ann)
})

it('no more than 20 of an app', async () => {
  const id = await deployed()
  for (let one = 0; one < 20; one++) expect((await start(id, 'sleep')).status).toBe(201)
  expect(await start(id, 'sleep')).toMatchObject({
    status: 429,
    body: { detail: expect.stringContaining(`"${id}" runs 20 one-off processes`) as string },
  })
  expect((await start(await deployed(), 'exit 0')).status).toBe(201)
  // Ends with its app, whose log is not begun once more.
  expect((await f.call('DELETE', `/v2/apps/${id}/`, undefined, ann)).status).toBe(204)
  await until('all have ended', async () => [...f.core.here.oneOffs.values()].every(({ app }) => app !== id))
  await f.core.logs.flush()
  expect(await f.core.logs.tail(id, 10)).toEqual([])
})

it.each([[undefined], [''], [5], ['a\0']])('the command %j is refused', async (command) => {
  expect((await start(await deployed(), command)).status).toBe(400)
})
