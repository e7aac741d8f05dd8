// Does a client get every line in order, however slowly it reads, within bounded memory?
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { createOutbox } from './outbox.ts'

const open = (options: { maxBytes?: number; ms?: number } = {}) =>
  createOutbox({
    maxBytes: options.maxBytes ?? 1000,
    leftOut: (lines) => `[${lines} left out]\n`,
    silence: { ms: options.ms ?? 60_000, text: '.' },
  })

describe('an outbox', () => {
  it('gives what was there at the start before what was said since', async () => {
    const outbox = open()
    outbox.write('two\n')
    outbox.write('three\n')
    outbox.start('zero\none\n')
    outbox.write('four\n')
    outbox.end()
    outbox.write('too late\n')
    expect(await text(outbox.readable)).toBe('zero\none\ntwo\nthree\nfour\n')
  })

  it('gives nothing before it is started, and ends only then', async () => {
    const outbox = open()
    outbox.write('early\n')
    outbox.end()
    expect(outbox.readable.read()).toBeNull()
    outbox.start('')
    expect(await text(outbox.readable)).toBe('early\n')
  })

  it('tells where lines are missing, and how many', async () => {
    const outbox = open({ maxBytes: 100 })
    outbox.start('')
    outbox.readable.read()
    // More than a stream buffers by itself.
    outbox.write('x'.repeat(200_000))
    const line = (n: number): string => `${String(n).padStart(9)}\n`
    for (let n = 0; n < 50; n++) outbox.write(line(n))
    const reading = text(outbox.readable)
    await new Promise<void>((resolve) => setImmediate(resolve))
    outbox.write('after\n')
    outbox.end()
    const lines = (await reading).split('\n').slice(1)
    const kept = 100 / 10 + 1
    expect(lines.slice(0, kept - 1).map(Number)).toEqual(Array.from({ length: kept - 1 }, (_, n) => n + 1))
    expect(lines.slice(kept - 1)).toEqual([`[${50 - kept} left out]`, 'after', ''])
  })

  it('sends a heartbeat when there is no output, but not to a client that does not read', async () => {
    const outbox = open({ ms: 20 })
    outbox.start('one\n')
    const chunks: string[] = []
    for await (const chunk of outbox.readable) {
      chunks.push(String(chunk))
      if (chunks.length === 3) outbox.end()
    }
    expect(chunks.join('')).toBe('one\n..')
    const unread = open({ ms: 1 })
    unread.start('one\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(unread.readable.readableLength).toBe(0)
    unread.readable.destroy()
  })
})
