// Are names of accounts unique whatever their capitals, also when two register at once?
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'

describe('usernames', () => {
  let f: Fixture
  beforeAll(async () => {
    f = await openFixture()
    await f.user('root')
  })
  afterAll(() => f.close())
  const register = async (username: string): Promise<[number, unknown]> => {
    const { status, body } = await f.call('POST', '/v2/auth/register/', { username, password: 'secret-enough' })
    return [status, body]
  }
  const taken = { username: ['A user with that username already exists.'] }

  it('differ in more than capitals', async () => {
    expect(await register('Ann')).toMatchObject([201, { username: 'Ann' }])
    for (const name of ['ann', 'ANN', ' Ann ', 'Ann']) expect(await register(name)).toEqual([400, taken])
  })

  it.each(['аnn', 'ann\u200b', 'bücher', 'ａｎｎ', 'ann/x', 'a b', 'ann\u0000'])('%j is not one', async (name) => {
    expect((await register(name))[0]).toBe(400)
  })

  it('may have dots, at signs, plus, minus and underscores', async () => {
    expect(await register('a.b+c-d_e@f.example')).toMatchObject([201, {}])
  })

  it('are given once, when many ask at the same time', async () => {
    const answers = await Promise.all(['eve', 'Eve', 'EVE', 'eVe'].map(register))
    expect(answers.map(([status]) => status).toSorted((a, b) => a - b)).toEqual([201, 400, 400, 400])
    expect(answers.filter(([status]) => status === 400).map(([, body]) => body)).toEqual([taken, taken, taken])
  })

  it('from before go on: both sign in by the name as it is stored', async () => {
    await register('old')
    const row = await f.core.db.user.findUniqueOrThrow({ where: { username: 'old' } })
    const { id: _, ...rest } = row
    await f.core.db.user.create({ data: { ...rest, username: 'OLD' } })
    for (const username of ['old', 'OLD'])
      expect((await f.call('POST', '/v2/auth/login/', { username, password: 'secret-enough' })).status).toBe(200)
  })
})
