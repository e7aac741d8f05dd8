// Does `?follow=1` send each later line once, for as long as the client is connected and allowed to read it?
import { once } from 'node:events'
import { type IncomingMessage, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { followHeader } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { followLogs } from '../domain/live/follow-logs.ts'
import { type Fixture, openFixture } from './fixture.ts'

type Following = {
  readonly response: IncomingMessage
  /** What came so far. */
  text(): string
  /** Waits until that was there `times` times. */
  has(text: string, times?: number): Promise<void>
  /** Waits for the end of the body. @returns whether it was an orderly one */
  ended: Promise<boolean>
  leave(): void
}

describe('following logs', () => {
  let f: Fixture
  let ann: string
  let port: number
  let serial = 0
  const open: Following[] = []
  beforeAll(async () => {
    f = await openFixture()
    await f.user('root')
    ann = await f.user('ann')
    await f.server.listen({ host: '127.0.0.1', port: 0 })
    port = (f.server.server.address() as AddressInfo).port
  })
  afterAll(async () => {
    for (const one of open) one.leave()
    await f.close()
  })

  /** A new app of ann's whose processes print. */
  const create = async (): Promise<string> => {
    const id = `tea-${++serial}`
    expect((await f.call('POST', '/v2/apps/', { id }, ann)).status).toBe(201)
    const build = { image: 'acme/tea:1', procfile: { web: 'echo web-line', worker: 'echo worker-line' } }
    expect((await f.call('POST', `/v2/apps/${id}/builds/`, build, ann)).status).toBe(201)
    return id
  }
  const scale = (id: string, structure: object) => f.call('POST', `/v2/apps/${id}/scale/`, structure, ann)
  const follow = async (path: string, token = ann): Promise<Following> => {
    const request = ask({ host: '127.0.0.1', port, path, headers: { authorization: `token ${token}` } }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let all = ''
    let onOutput = (): void => {}
    response.setEncoding('utf8').on('data', (chunk: string) => {
      all += chunk
      onOutput()
    })
    const ended = new Promise<boolean>((resolve) => {
      response.on('end', () => resolve(true)).on('error', () => resolve(false))
    })
    const following: Following = {
      response,
      text: () => all,
      has: (wanted, times = 1) =>
        new Promise((resolve, reject) => {
          const late = setTimeout(() => reject(new Error(`${wanted} is not ${times} times in:\n${all}`)), 10_000)
          onOutput = () => {
            if (all.split(wanted).length <= times) return
            clearTimeout(late)
            resolve()
          }
          onOutput()
        }),
      ended,
      leave: () => request.destroy(),
    }
    open.push(following)
    return following
  }
  const linesOf = (text: string, part: string): string[] => text.split('\n').filter((line) => line.includes(part))

  it('begins with what is answered without it, and goes on over releases and restarts', async () => {
    const id = await create()
    await f.core.logs.flush()
    const before = (await f.call('GET', `/v2/apps/${id}/logs`, undefined, ann)).text
    const following = await follow(`/v2/apps/${id}/logs?follow=1`)
    expect(following.response.statusCode).toBe(200)
    expect(following.response.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'transfer-encoding': 'chunked',
      'cache-control': 'no-store',
      [followHeader]: '1',
    })
    await following.has('web-line')
    expect(following.text()).toBe(before)
    await f.call('POST', `/v2/apps/${id}/config/`, { values: { A: '1' } }, ann)
    await following.has('app[web.v3.')
    await f.call('POST', `/v2/apps/${id}/pods/restart/`, '', ann)
    await following.has('app[web.v3.', 2)
    await scale(id, { worker: 1 })
    await following.has('worker-line')
    f.core.logs.write(id, 'INFO', 'the last line')
    await following.has('the last line')
    await f.core.logs.flush()
    const all = (await f.call('GET', `/v2/apps/${id}/logs`, undefined, ann)).text
    expect(following.text().split('\n').toSorted()).toEqual(all.split('\n').toSorted())
    following.leave()
  })

  it('has no gap and no double where the old lines end and the new ones begin', async () => {
    const id = await create()
    const total = 400
    let said = 0
    const followers: Promise<Following>[] = []
    while (said < total) {
      f.core.logs.write(id, 'INFO', `line ${String(said++).padStart(4, '0')}`)
      if (said % 40 === 0) followers.push(follow(`/v2/apps/${id}/logs?follow=1&log_lines=1000`))
      if (said % 10 === 0) await sleep(1)
    }
    f.core.logs.write(id, 'INFO', 'the end')
    for (const following of await Promise.all(followers)) {
      await following.has('the end')
      const numbers = linesOf(following.text(), 'INFO line ').map((line) => Number(line.slice(-4)))
      expect(numbers).toEqual(Array.from({ length: total }, (_, n) => n))
      following.leave()
    }
  })

  it('tells only the lines of one type, the newest of that type', async () => {
    const id = await create()
    await scale(id, { web: 3, worker: 1 })
    for (let times = 0; times < 3; times++) await f.call('POST', `/v2/apps/${id}/pods/web/restart/`, '', ann)
    const only = await f.call('GET', `/v2/apps/${id}/logs?type=worker&log_lines=1`, undefined, ann)
    expect(only.text).toMatch(/^\S+ app\[worker\.v2\.[a-z0-9]{5}\]: worker-line\n$/)
    expect((await f.call('GET', `/v2/apps/${id}/logs?type=work`, undefined, ann)).status).toBe(204)
    const following = await follow(`/v2/apps/${id}/logs?follow=1&type=worker&log_lines=1`)
    await following.has('worker-line')
    await f.call('POST', `/v2/apps/${id}/pods/web/restart/`, '', ann)
    f.core.logs.write(id, 'INFO', 'not of a process')
    await f.call('POST', `/v2/apps/${id}/pods/worker/restart/`, '', ann)
    await following.has('worker-line', 2)
    expect(following.text()).toMatch(/^(\S+ app\[worker\.v2\.[a-z0-9]{5}\]: worker-line\n){2}$/)
    following.leave()
  })

  it('refuses a type that cannot be, and goes on only where it is asked to', async () => {
    const id = await create()
    const refused = await f.call('GET', `/v2/apps/${id}/logs?follow=1&type=web-`, undefined, ann)
    expect([refused.status, refused.body]).toEqual([
      400,
      {
        type: [
          'Process types can only contain letters and digits, with single hyphens or underscores between them, and have at most 63 characters',
        ],
      },
    ])
    for (const more of ['', '?follow=', '?follow=0'])
      expect((await f.call('GET', `/v2/apps/${id}/logs${more}`, undefined, ann)).headers[followHeader]).toBeUndefined()
    expect((await f.call('HEAD', `/v2/apps/${id}/logs?follow=1`, undefined, ann)).status).toBe(200)
    expect((await f.call('GET', `/v2/apps/${id}/logs?follow=1`, undefined, 'nobody')).status).toBe(401)
    expect((await f.call('GET', '/v2/apps/nope/logs?follow=1', undefined, ann)).status).toBe(404)
  })

  it('begins before there is any line, and ends with the app', async () => {
    const id = `tea-${++serial}`
    await f.call('POST', '/v2/apps/', { id }, ann)
    const following = await follow(`/v2/apps/${id}/logs?follow=1&type=web`)
    const both = await follow(`/v2/apps/${id}/logs?follow=1`)
    await f.call('POST', `/v2/apps/${id}/builds/`, { image: 'a/b', procfile: { web: 'echo first' } }, ann)
    await following.has('first')
    expect((await f.call('DELETE', `/v2/apps/${id}/`, undefined, ann)).status).toBe(204)
    expect(await following.ended).toBe(true)
    expect(await both.ended).toBe(true)
    expect(both.text()).toContain('INFO deleting environment\n')
  })

  it('is done a hundred times by one user at most', async () => {
    const id = await create()
    const path = `/v2/apps/${id}/logs?follow=1`
    const many = await Promise.all(Array.from({ length: 100 }, () => follow(path)))
    const detail = '"ann" has 100 logs open, the maximum. End one first.'
    expect(await f.call('GET', path, undefined, ann)).toMatchObject({ status: 429, body: { detail } })
    expect((await f.call('GET', `/v2/apps/${id}/logs`, undefined, ann)).status).toBe(200)
    for (const one of many) one.leave()
    await expect
      .poll(async () => {
        const one = await follow(path)
        one.leave()
        return one.response.statusCode
      })
      .toBe(200)
  })

  it('costs little for many', async () => {
    const id = await create()
    const many = await Promise.all(Array.from({ length: 50 }, () => follow(`/v2/apps/${id}/logs?follow=1`)))
    const before = process.cpuUsage()
    for (let n = 0; n < 100; n++) f.core.logs.write(id, 'INFO', `number ${n}.`)
    await Promise.all(many.map((one) => one.has('number 99.')))
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1e6).toBeLessThan(5)
    for (const one of many) {
      expect(linesOf(one.text(), 'INFO number ')).toHaveLength(100)
      one.leave()
    }
  })
})

describe('following logs', () => {
  it('ends in an orderly way when the controller stops', async () => {
    const f = await openFixture()
    const root = await f.user('root')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
    const answer = await f.server.inject({
      url: '/v2/apps/tea/logs?follow=1',
      headers: { authorization: `token ${root}` },
      payloadAsStream: true,
    })
    expect(answer.statusCode).toBe(200)
    const told = text(answer.stream())
    f.core.logs.write('tea', 'INFO', 'last')
    await f.core.logs.flush()
    await f.close()
    expect(await told).toMatch(/INFO last\n$/)
  })
})

describe('what is followed', () => {
  let f: Fixture
  beforeAll(async () => {
    f = await openFixture()
    const root = await f.user('root')
    await f.call('POST', '/v2/apps/', { id: 'tea' }, root)
  })
  afterAll(() => f.close())

  const wanted = { lines: 10, type: null }

  it('checks the permission now and then, and ends without it; a failed check ends nothing', async () => {
    const answers = [() => true, () => Promise.reject(new Error('the database is away')), () => false]
    let asked = 0
    const readable = await followLogs(f.core, 'tea', wanted, {
      signal: new AbortController().signal,
      isAllowed: async () => (await answers[asked++]?.()) ?? false,
      checkEveryMs: 10,
    })
    expect(await text(readable)).toContain('root created initial release\n')
    expect(asked).toBe(3)
  })

  it('ends with the client', async () => {
    const client = new AbortController()
    const readable = await followLogs(f.core, 'tea', wanted, { signal: client.signal, isAllowed: async () => true })
    const told = text(readable)
    client.abort()
    expect(await told).toContain('root created initial release\n')
  })

  it('fails at once where the backend cannot say what was there, and listens no longer', async () => {
    const failing = {
      ...f.core,
      scheduler: { ...f.core.scheduler, follow: () => Promise.reject(new Error('no cluster')) },
    }
    const options = { signal: new AbortController().signal, isAllowed: async () => true }
    await expect(followLogs(failing, 'tea', wanted, options)).rejects.toThrow('no cluster')
  })
})
