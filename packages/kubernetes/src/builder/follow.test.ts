// Is every line of a build's container passed on once, with or without a time stamp?
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKube, type Kube } from '../client/client.ts'
import { type FakeApi, openFakeApi } from '../client/testing.ts'
import { followLog } from './follow.ts'

const place = { namespace: 'builds', pod: 'build-1', container: 'build' }
let api: FakeApi
let kube: Kube

beforeAll(async () => {
  api = await openFakeApi()
  kube = createKube(api.transport)
})
afterAll(() => api.close())

/** Each connection says one text; the last one ends the log, those before it break. */
async function followed(...texts: readonly string[]): Promise<string[]> {
  let connections = 0
  api.answer((_, response) => response.end(texts[connections++]))
  const lines: string[] = []
  const running = (): boolean => connections < texts.length
  await followLog(kube, place, (line) => lines.push(line), running, AbortSignal.timeout(10_000))
  return lines
}

test('lines without a time stamp are passed on', async () => {
  const text = [
    '2026-01-02T03:04:05.6Z first',
    'failed to watch file "/var/log/pods/x": no space left on device',
    '',
    '2026-01-02T03:04:05.61Z second',
    'unstamped',
    '2026-01-02T03:04:06Z third',
  ].join('\n')
  expect(await followed(text)).toEqual([
    'first',
    'failed to watch file "/var/log/pods/x": no space left on device',
    '',
    'second',
    'unstamped',
    'third',
  ])
})

test('lines from before a broken connection are not passed on again', async () => {
  const first = '2026-01-02T03:04:05.6Z one\nmore of one\n'
  const again = `${first}2026-01-02T03:04:05.65Z two\nmore of two\n`
  expect(await followed(first, again, again)).toEqual(['one', 'more of one', 'two', 'more of two'])
})
