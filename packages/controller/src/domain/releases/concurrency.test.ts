// Do changes to one app wait for each other, and do routes reach routers before processes stop?
import type { RouteEvent } from '@deis/types'
import { describe, expect, it } from 'vitest'
import { noPeers } from '../../store/peers.ts'
import { createQueue } from './queue.ts'
import { createRouteTable } from '../edge/routes.ts'

const alone = noPeers('one')

const deferred = () => {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

describe('the queue', () => {
  it('runs one change of an app at a time, in order, and apps side by side', async () => {
    const queue = createQueue(new AbortController().signal, alone.lock)
    const done: string[] = []
    const first = deferred()
    const work = [
      queue.run('a', async () => {
        await first.opened
        done.push('a1')
      }),
      queue.run('a', async () => void done.push('a2')),
      queue.run('b', async () => void done.push('b1')),
    ]
    await work[2]
    expect(done).toEqual(['b1'])
    first.open()
    await Promise.all(work)
    expect(done).toEqual(['b1', 'a1', 'a2'])
  })

  it('goes on after a failure, which only its own caller sees', async () => {
    const queue = createQueue(new AbortController().signal, alone.lock)
    const failed = queue.run('a', () => Promise.reject(new Error('mine')))
    const next = queue.run('a', async () => 'fine')
    await expect(failed).rejects.toThrow('mine')
    expect(await next).toBe('fine')
  })

  it('cancels what runs and what waits, and serves what comes later', async () => {
    const queue = createQueue(new AbortController().signal, alone.lock)
    const started = deferred()
    const running = queue.run('a', (signal) => {
      started.open()
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    })
    const waiting = queue.run('a', async () => 'never')
    await started.opened
    queue.cancel('a', new Error('destroyed'))
    const later = queue.run('a', async () => 'later')
    await expect(running).rejects.toThrow('destroyed')
    expect(await later).toBe('later')
    // What waited was asked for before the cancel, so it is part of it.
    await expect(waiting).rejects.toThrow('destroyed')
  })
})

describe('the route table', () => {
  const route = (...upstreams: string[]) => ({ app: 'tea', hosts: ['tea'], upstreams })
  const idle = new AbortController().signal

  it('sends a snapshot, then changes, and nothing when nothing changed', () => {
    const table = createRouteTable('localhost')
    table.set('tea', route('a:1'))
    const events: RouteEvent[] = []
    const end = table.subscribe('r1', (event) => events.push(event))
    table.set('tea', route('a:1'))
    table.set('tea', route('a:2'))
    table.set('tea', null)
    end()
    table.set('tea', route('a:3'))
    expect(events).toMatchObject([
      { type: 'snapshot', seq: 1, apps: [route('a:1')], domain: 'localhost' },
      { type: 'app', seq: 2, app: route('a:2') },
      { type: 'gone', seq: 3, app: 'tea' },
    ])
  })

  it('calls an upstream drained when every router has acknowledged the change and none is busy with it', async () => {
    const table = createRouteTable('localhost')
    let epoch = ''
    const end = table.subscribe('r1', (event) => {
      if (event.type === 'snapshot') epoch = event.epoch
    })
    table.set('tea', route('a:1', 'a:2'))
    let drained = false
    const waiting = table.drained('tea', ['a:1'], 60_000, idle).then(() => (drained = true))
    const report = (seq: number, busy: string[]) => table.report({ router: 'r1', port: 80, epoch, seq, busy })
    report(1, [])
    await Promise.resolve()
    expect(drained).toBe(false) // still routed
    table.set('tea', route('a:2'))
    report(1, [])
    await Promise.resolve()
    expect(drained).toBe(false) // not acknowledged
    report(2, ['a:1'])
    await Promise.resolve()
    expect(drained).toBe(false) // still busy
    report(2, [])
    await waiting
    expect(table.routerPort()).toBe(80)
    end()
  })

  it('gives up at the limit, and when told to', async () => {
    const table = createRouteTable('localhost')
    table.set('tea', route('a:1'))
    await table.drained('tea', ['a:1'], 20, idle)
    const stop = new AbortController()
    const waiting = table.drained('tea', ['a:1'], 60_000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  it('says when every router serves by the present route', async () => {
    const table = createRouteTable('localhost')
    let epoch = ''
    const end = table.subscribe('r1', (event) => {
      if (event.type === 'snapshot') epoch = event.epoch
    })
    table.set('tea', route('a:1'))
    let isAcknowledged = false
    const waiting = table.acknowledged('tea', 60_000).then(() => (isAcknowledged = true))
    await Promise.resolve()
    expect(isAcknowledged).toBe(false)
    table.report({ router: 'r1', port: 80, epoch, seq: 1, busy: ['old:1'] })
    await waiting
    await table.acknowledged('never routed', 60_000)
    end()
  })

  it('counts the routers of other controllers for as long as these say so', () => {
    let now = 20_000
    const table = createRouteTable('localhost', { now: () => now })
    now += 20_000
    expect(table.following()).toMatchObject({ following: 0, behind: 0, expected: true })
    table.reportPeer('other', { following: 2, behind: 1 })
    table.subscribe('r1', () => {})
    expect(table.following()).toMatchObject({ following: 3, behind: 1 })
    table.reportPeer('other', { following: 2, behind: 0 })
    expect(table.own()).toEqual({ following: 1, behind: 0 })
    expect(table.following()).toMatchObject({ following: 3, behind: 0 })
    now += 15_001
    expect(table.following()).toMatchObject({ following: 1 })
  })

  it('does not wait for a router that is gone, but for one that may come back', async () => {
    let now = 0
    const table = createRouteTable('localhost', { now: () => now })
    table.set('tea', route('a:1'))
    table.subscribe('r1', () => {})()
    table.set('tea', route('a:2'))
    now = 10_000
    await expect(table.drained('tea', ['a:1'], 60_000, AbortSignal.timeout(50))).rejects.toThrow()
    now = 60_000
    await table.drained('tea', ['a:1'], 60_000, idle)
  })
})
