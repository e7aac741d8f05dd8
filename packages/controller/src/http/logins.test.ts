// Is guessing passwords slowed down, and the load of guesses bounded, while owners can still log in?
import { proofHeader, proofOf } from '@deis/types/channel'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPasswords } from '../domain/accounts/passwords.ts'
import { isKnownClient } from '../domain/accounts/known-clients.ts'
import { hashPassword } from '../store/crypto.ts'
import { type Fixture, openFixture } from './fixture.ts'
import { clientOf, createGuesses } from './guesses.ts'

describe('logins', { timeout: 120_000 }, () => {
  const env = { DEIS_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.1' }
  let f: Fixture
  /** As a proxy that is trusted passes it on. */
  const logIn = async (username: string, password: string, from = '192.0.2.1') => {
    const answer = await f.server.inject({
      method: 'POST',
      url: '/v2/auth/login/',
      headers: { 'x-forwarded-for': from },
      payload: { username, password },
    })
    return { status: answer.statusCode, body: answer.json<unknown>(), headers: answer.headers }
  }
  beforeAll(async () => {
    f = await openFixture({ env })
    for (const name of ['root', 'ann', 'bob', 'dan', 'eve', 'fay', 'gil']) await f.user(name)
  }, 120_000)
  afterAll(() => f.close())

  /** At once, so that no wait is over before the last one has come. */
  const atOnce = async (count: number, one: (index: number) => Promise<{ status: number }>): Promise<number[]> =>
    (await Promise.all(Array.from({ length: count }, (_, index) => one(index)))).map(({ status }) => status)
  const counted = (statuses: readonly number[]): Record<string, number> =>
    Object.fromEntries(
      [...new Set(statuses)].map((status) => [status, statuses.filter((one) => one === status).length]),
    )

  it('count every way of writing a name as one, and let ten of a hundred wrong passwords be tried', async () => {
    const ways = ['ann', 'ann ', ' ann', 'ann  ', '\tann', 'ANN']
    const statuses = await atOnce(100, (one) => logIn(ways[one % ways.length]!, 'wrong'))
    expect(counted(statuses)).toEqual({ 400: 10, 429: 90 })
  })

  it('let the owner in whatever strangers try, also behind the same proxy', async () => {
    const stranger = atOnce(12, (one) => logIn('bob', one === 11 ? 'bob-secret' : 'wrong', '198.51.100.1'))
    const owner = logIn('bob', 'bob-secret', '203.0.113.5')
    expect((await stranger).slice(10)).toEqual([429, 429])
    expect((await owner).status).toBe(200)
  })

  it('believe no more of X-Forwarded-For than what a trusted proxy wrote', async () => {
    const statuses = await atOnce(11, (one) => logIn('cat', 'wrong', `10.9.9.${one}, 192.0.2.77, 10.0.0.1`))
    expect(counted(statuses)).toEqual({ 400: 10, 429: 1 })
  })

  it('of one account from many addresses come ever more slowly, but not from where it signed in', async () => {
    const home = '203.0.113.9'
    expect((await logIn('eve', 'eve-secret', home)).status).toBe(200)
    const statuses: number[] = []
    for (let one = 0; one < 32; one++) statuses.push((await logIn('eve', 'wrong', `198.51.100.${one}`)).status)
    expect(counted(statuses.slice(0, 30))).toEqual({ 400: 30 })
    expect(statuses.slice(30)).toContain(429)
    const elsewhere = await logIn('eve', 'eve-secret', '198.51.100.99')
    expect(elsewhere.status).toBe(429)
    expect(Number(elsewhere.headers['retry-after'])).toBeLessThanOrEqual(10)
    const { body, status } = await logIn('eve', 'eve-secret', home)
    expect(status).toBe(200)
    // After a change of the password, a client that knew the old one is a stranger at every address.
    const { token } = body as { token: string }
    const change = { username: 'eve', password: 'eve-secret', new_password: 'new' }
    expect((await f.call('POST', '/v2/auth/passwd/', change, await f.user('root'))).status).toBe(200)
    expect((await f.call('GET', '/v2/auth/whoami/', undefined, token)).status).toBe(401)
    expect(await isKnownClient(f.core, 'eve', home)).toBe(false)
  })

  it('are remembered where the account changes its password or its token', async () => {
    const known = (client: string): Promise<boolean> => isKnownClient(f.core, 'gil', client)
    const [home, office] = ['203.0.113.20', '203.0.113.21']
    const ask = async (path: string, from: string, token: string, payload: object) =>
      f.server.inject({
        method: 'POST',
        url: path,
        headers: { 'x-forwarded-for': from, authorization: `token ${token}` },
        payload,
      })
    const { body } = await logIn('gil', 'gil-secret', home)
    const { token } = body as { token: string }
    const change = { password: 'gil-secret', new_password: 'another' }
    expect((await ask('/v2/auth/passwd/', office, token, change)).statusCode).toBe(200)
    expect([await known(home), await known(office)]).toEqual([false, true])
    expect((await ask('/v2/auth/tokens/', home, token, {})).statusCode).toBe(200)
    expect([await known(home), await known(office)]).toEqual([true, false])
  })

  it('are remembered by where they came from for a month, and never by an address', async () => {
    await logIn('fay', 'fay-secret', '203.0.113.10')
    const stored = await f.core.db.token.findMany({ where: { user: { username: 'fay' }, client: { not: null } } })
    expect(stored.map(({ client }) => client?.length)).toEqual([24, 24])
    expect(await isKnownClient(f.core, ' fay ', '203.0.113.10')).toBe(true)
    expect(await isKnownClient(f.core, 'fay', '203.0.113.11')).toBe(false)
    expect(await isKnownClient(f.core, 'ann', '203.0.113.10')).toBe(false)
    await f.core.db.token.updateMany({ data: { createdAt: new Date(Date.now() - 31 * 24 * 3_600_000) } })
    expect(await isKnownClient(f.core, 'fay', '203.0.113.10')).toBe(false)
  })

  it('also count current passwords that are wrong, when one is changed', async () => {
    // From the usual address so many were wrong that it has to wait a second.
    const { status, body } = await logIn('dan', 'dan-secret', '203.0.113.30')
    expect(status).toBe(200)
    const { token } = body as { token: string }
    const change = () => f.call('POST', '/v2/auth/passwd/', { password: 'wrong', new_password: 'x' }, token)
    expect(counted(await atOnce(11, change))).toEqual({ 401: 10, 429: 1 })
  })
})

it('without trusted proxies, X-Forwarded-For says nothing', { timeout: 120_000 }, async () => {
  const f = await openFixture()
  try {
    const headers = (one: number): Record<string, string> => ({ 'x-forwarded-for': `192.0.2.${one}` })
    const payload = { username: 'u', password: 'wrong' }
    const answers = await Promise.all(
      Array.from({ length: 11 }, (_, one) =>
        f.server.inject({ method: 'POST', url: '/v2/auth/login/', headers: headers(one), payload }),
      ),
    )
    expect(answers.map(({ statusCode }) => statusCode).filter((status) => status === 429)).toHaveLength(1)
  } finally {
    await f.close()
  }
})

it("counts clients of the platform's routers by the address that a router proves", { timeout: 120_000 }, async () => {
  const f = await openFixture()
  try {
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, one) => {
        const proof = proofOf(one < 15 ? 'r'.repeat(32) : 'x'.repeat(32))
        const { statusCode } = await f.server.inject({
          method: 'POST',
          url: '/v2/auth/login/',
          headers: { [proofHeader]: proof, 'x-forwarded-for': `192.0.2.${one}` },
          payload: { username: 'u', password: 'wrong' },
        })
        return statusCode
      }),
    )
    expect(answers.slice(0, 15)).not.toContain(429)
    expect(answers.slice(15).filter((status) => status === 429)).toHaveLength(5)
  } finally {
    await f.close()
  }
})

describe('guesses', () => {
  const stranger = async (): Promise<boolean> => false
  /** How long it would have to wait; 0: it may be tried. */
  const waitOf = async (work: Promise<unknown>): Promise<number> => {
    try {
      await work
      return 0
    } catch (error) {
      return (error as { retryAfter: number }).retryAfter
    }
  }

  it('wait longer each time, up to a minute, and are forgotten after a while', async () => {
    let now = 0
    const guesses = createGuesses(() => now)
    const attempt = (): Promise<number> => waitOf(guesses.try('192.0.2.1', 'ann', stranger))
    const waits: number[] = []
    for (let one = 0; one < 17; one++) {
      const wait = await attempt()
      if (wait > 0) {
        waits.push(wait)
        now += wait * 1000
        expect(await attempt()).toBe(0)
      }
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60, 60])
    now += 16 * 60_000
    expect(await attempt()).toBe(0)
    expect(await attempt()).toBe(0)
  })

  it('of many accounts from one address wait as well, if not for long', async () => {
    const guesses = createGuesses(() => 0)
    for (let one = 0; one < 60; one++) await guesses.try('2001:db8:1:2::/64', `user-${one}`, stranger)
    await expect(guesses.try('2001:db8:1:2::/64', 'other', stranger)).rejects.toThrow('Try again in 1 s.')
    await guesses.try('2001:db8:1:3::/64', 'other', stranger)
  })

  it('of one account from many addresses wait up to ten seconds, strangers only', async () => {
    let now = 0
    const guesses = createGuesses(() => now)
    let asked = 0
    const known = async (): Promise<boolean> => ++asked > 0
    const ways = ['ann', 'Ann ', ' ANN']
    for (let one = 0; one < 30; one++) await guesses.try(`192.0.2.${one}`, ways[one % 3]!, known)
    expect(asked).toBe(0)
    const waits: number[] = []
    for (let one = 0; one < 8; one++) {
      const client = `198.51.100.${one}`
      const wait = await waitOf(guesses.try(client, 'ann', stranger))
      waits.push(wait)
      await guesses.try('203.0.113.5', 'ann', known)
      await guesses.try(client, `bob-${one}`, stranger)
      now += wait * 1000
      expect(await waitOf(guesses.try(client, 'ann', stranger))).toBe(0)
    }
    expect(waits).toEqual([1, 2, 4, 8, 10, 10, 10, 10])
    expect(asked).toBe(8)
  })

  it('give each stranger a turn, however many others try at every moment', async () => {
    let now = 0
    const guesses = createGuesses(() => now)
    const attackers = Array.from({ length: 40 }, (_, index) => `198.51.100.${index}`)
    const attack = async (): Promise<number> => {
      const waits = await Promise.all(attackers.map((client) => waitOf(guesses.try(client, 'ann', stranger))))
      return waits.filter((wait) => wait === 0).length
    }
    let tried = await attack()
    expect(tried).toBe(30)
    await attack()
    const wait = await waitOf(guesses.try('203.0.113.77', 'ann', stranger))
    expect(wait).toBeLessThanOrEqual(180)
    const ends = now + wait * 1000
    for (; now < ends; now += 500) {
      tried += await attack()
      // Asking too early costs nothing.
      if (now % 5_000 === 0) await waitOf(guesses.try('203.0.113.77', 'ann', stranger))
    }
    tried += await attack()
    expect(await waitOf(guesses.try('203.0.113.77', 'ann', stranger))).toBe(0)
    // Forty addresses do not try more than one password in a second.
    expect(tried).toBeLessThanOrEqual(30 + wait)
  })

  it('keep a turn for a minute', async () => {
    let now = 0
    const guesses = createGuesses(() => now)
    const attempt = (client: string): Promise<number> => waitOf(guesses.try(client, 'ann', stranger))
    for (let one = 0; one < 30; one++) await attempt(`192.0.2.${one}`)
    expect([await attempt('203.0.113.1'), await attempt('203.0.113.2')]).toEqual([1, 3])
    now += 60_500
    expect(await attempt('198.51.100.1')).toBe(0)
    // This one's is still there; that one's is over, and it comes after the others.
    expect(await attempt('203.0.113.2')).toBe(0)
    now += 1_000
    expect(await attempt('203.0.113.1')).toBeGreaterThan(0)
  })

  it('that were right count nothing', async () => {
    const guesses = createGuesses(() => 0)
    for (let one = 0; one < 200; one++) (await guesses.try(`192.0.2.${one % 9}`, 'ann', stranger))()
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['[2001:db8:0:5::1]:443', '2001:db8:0:5::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ["' OR 1=1", 'unknown'],
    ['x'.repeat(10_000), 'unknown'],
  ])('of %s are those of %s', (written, client) => {
    expect(clientOf(written)).toBe(client)
  })
})

describe('hashing', { timeout: 120_000 }, () => {
  it('takes turns, and refuses when too many wait', async () => {
    const passwords = createPasswords({ running: 1, waiting: 2 })
    const stored = await hashPassword('right')
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.verify('right', stored)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'])
    expect(await passwords.verify('wrong', stored)).toBe(false)
    expect(await passwords.pretend('anything')).toBe(false)
  })

  it('takes as long for an unknown user as for a known one', async () => {
    const passwords = createPasswords()
    const stored = await hashPassword('right')
    await passwords.pretend('warm')
    const cpu = async (work: () => Promise<unknown>): Promise<number> => {
      const before = process.cpuUsage().user
      for (let one = 0; one < 3; one++) await work()
      return process.cpuUsage().user - before
    }
    const [known, unknown] = [await cpu(() => passwords.verify('x', stored)), await cpu(() => passwords.pretend('x'))]
    expect(unknown / known).toBeGreaterThan(0.5)
    expect(unknown / known).toBeLessThan(2)
  })
})

describe('a password that is changed while it is being verified', () => {
  let f: Fixture
  let verifying = (): void => {}
  let goOn: Promise<void> = Promise.resolve()
  beforeAll(async () => {
    f = await openFixture({
      passwords: {
        hash: async (password) => `hash of ${password}`,
        verify: async (password, stored) => {
          const isRight = stored === `hash of ${password}`
          verifying()
          await goOn
          return isRight
        },
        pretend: async () => false,
      },
    })
    for (const name of ['root', 'ann', 'bob', 'dan']) await f.user(name)
  })
  afterAll(() => f.close())

  /** `work` verifies a password, and an administrator changes it before that has ended. */
  async function changedMeanwhile<T>(username: string, work: () => Promise<T>): Promise<T> {
    const root = await f.user('root')
    let release = (): void => {}
    goOn = new Promise((resolve) => (release = resolve))
    const begun = new Promise<void>((resolve) => (verifying = resolve))
    const working = work()
    await begun
    const { status } = await f.call('POST', '/v2/auth/passwd/', { username, new_password: 'new' }, root)
    expect(status).toBe(200)
    release()
    verifying = () => {}
    return working
  }

  it('lets nobody in', async () => {
    const logIn = () => f.call('POST', '/v2/auth/login/', { username: 'ann', password: 'ann-secret' })
    expect((await changedMeanwhile('ann', logIn)).status).toBe(400)
    expect((await logIn()).status).toBe(400)
  })

  it('allows no client in a browser', async () => {
    const { body } = await f.call('POST', '/v2/auth/device/', {})
    const { user_code: code, device_code } = body as { user_code: string; device_code: string }
    const send = () =>
      f.server.inject({
        method: 'POST',
        url: '/v2/auth/device/verify',
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'http://localhost', host: 'localhost' },
        payload: new URLSearchParams({ answer: 'allow', code, username: 'bob', password: 'bob-secret' }).toString(),
      })
    expect((await changedMeanwhile('bob', send)).statusCode).toBe(400)
    expect(await f.call('POST', '/v2/auth/device/token/', { device_code })).toMatchObject({
      status: 400,
      body: { error: 'authorization_pending' },
    })
  })

  it('is not changed by who knew the old one', async () => {
    const dan = await f.user('dan')
    const change = () =>
      f.call('POST', '/v2/auth/passwd/', { password: 'dan-secret', new_password: 'of an intruder' }, dan)
    expect((await changedMeanwhile('dan', change)).status).toBeGreaterThanOrEqual(400)
    expect((await f.call('POST', '/v2/auth/login/', { username: 'dan', password: 'of an intruder' })).status).toBe(400)
  })
})
