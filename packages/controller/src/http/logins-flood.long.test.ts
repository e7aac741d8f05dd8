// Do logins that come all at once, at the real cost of a password, leave the controller able to answer?
import { expect, it } from 'vitest'
import { createPasswords } from '../domain/accounts/passwords.ts'
import { openFixture } from './fixture.ts'

it('logins that are many at once leave other answers fast and memory as it was', { timeout: 120_000 }, async () => {
  const real = await openFixture({ env: { DEIS_TRUSTED_PROXIES: '127.0.0.0/8' }, passwords: createPasswords() })
  const logIn = (username: string, password: string, from: string) =>
    real.server.inject({
      method: 'POST',
      url: '/v2/auth/login/',
      headers: { 'x-forwarded-for': from },
      payload: { username, password },
    })
  try {
    const before = process.memoryUsage().rss
    const began = performance.now()
    const flood = Promise.all(
      Array.from({ length: 200 }, (_, one) => logIn(`nobody-${one}`, 'x'.repeat(1000), `192.0.2.${one}`)),
    )
    const times: number[] = []
    for (let one = 0; one < 10; one++) {
      const started = performance.now()
      expect((await real.server.inject('/healthz')).statusCode).toBe(200)
      times.push(performance.now() - started)
    }
    const statuses = (await flood).map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(100)
    expect(statuses.filter((status) => status === 400).length).toBeGreaterThan(20)
    // On a machine that is busy with other things both take longer.
    expect(Math.max(...times)).toBeLessThan(Math.max(2_000, (performance.now() - began) / 2))
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
  } finally {
    await real.close()
  }
})
