// Is each line of a pod stored once, whatever happens to its container, its connection and its controller?
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube } from '../../client/client.ts'
import type { Pod } from '../../client/objects.ts'
import { type FakeApi, openFakeApi, refuse } from '../../client/testing.ts'
import type { LogLine } from '@deis/ports/scheduler'
import { openPodLogs, type PodLogs } from './logs.ts'

const app = 'tea'
const name = 'tea-web-123-x2x4z'

let api: FakeApi
let folder = ''
let logs: PodLogs
let warnings: string[] = []
/** The log that the node has of each run of the container, the last one last. */
let runs: { lines: string[]; over: boolean }[] = []
let streams: ServerResponse[] = []
let clock = 0

const open = (): PodLogs =>
  openPodLogs({ kube: createKube(api.transport), folder, log: (_, message) => void warnings.push(message) })

/** Answers like a kubelet: `sinceTime` counts in whole seconds, and the stream of a dead container ends. */
function serve(): void {
  api.answer(({ query, path }, response) => {
    if (path !== `/api/v1/namespaces/${app}/pods/${name}/log`) return refuse(response, 404, 'NotFound', 'no such pod')
    const run = runs.at(query.get('previous') === 'true' ? -2 : -1)
    if (!run) return refuse(response, 400, 'BadRequest', 'previous terminated container not found')
    const since = query.get('sinceTime')?.slice(0, 19) ?? ''
    const found = run.lines.filter((line) => line.slice(0, 19) >= since)
    response.writeHead(200).write(found.join('') || '', () => {})
    if (query.get('follow') === 'true' && !run.over) streams.push(response)
    else response.end()
  })
}
/** Writes a line, three per second. `late`: the stream does not bring it yet. */
function print(text: string, { late = false, end = '\n' } = {}): void {
  const stamp = new Date(Date.UTC(2026, 10, 22, 4, 0, 0) + Math.floor(clock++ / 3) * 1000).toISOString().slice(0, 19)
  const line = `${stamp}.${String(clock).padStart(9, '0')}Z ${text}${end}`
  runs.at(-1)?.lines.push(line)
  if (!late) for (const stream of streams) stream.write(line)
}
function endRun(): void {
  const run = runs.at(-1)
  if (run) run.over = true
  for (const stream of streams.splice(0)) stream.end()
}
function cut(): void {
  for (const stream of streams.splice(0)) stream.destroy()
}

/** The pod with its container in the given run; null: not started yet. */
function pod(run: number | null, alive = true, changes: { labels?: object; namespace?: string } = {}): Pod {
  const id = (of: number): string => `containerd://${of}`
  const terminated = (of: number) => ({ terminated: { containerID: id(of), exitCode: 1 } })
  const state = alive ? { running: {} } : terminated(run ?? 0)
  const status = {
    name: 'tea-web',
    image: 'i',
    imageID: 'i',
    ready: alive,
    restartCount: run ?? 0,
    ...(run === null ? { state: { waiting: { reason: 'ContainerCreating' } } } : { containerID: id(run), state }),
    ...(run ? { lastState: terminated(run - 1) } : {}),
  }
  const labels = { app, type: 'web', version: 'v3', heritage: 'deis', ...changes.labels }
  return {
    metadata: { name, namespace: changes.namespace ?? app, uid: 'u1', labels },
    spec: { containers: [{ name: 'tea-web', image: 'i' }] },
    status: { phase: 'Running', containerStatuses: [status] },
  }
}
const texts = async (lines = 100): Promise<string[]> => (await logs.tail(app, lines)).map(({ text }) => text)
const streaming = (): Promise<void> => expect.poll(() => streams.length, { timeout: 5_000 }).toBe(1)

beforeEach(async () => {
  api = await openFakeApi()
  folder = await mkdtemp(join(tmpdir(), 'deis-podlogs-'))
  warnings = []
  runs = [{ lines: [], over: false }]
  streams = []
  clock = 0
  serve()
  logs = open()
})
afterEach(async () => {
  await logs.close()
  await api.close()
  await rm(folder, { recursive: true })
})

test('the output of a pod is stored with time and source, and reaches followers', async () => {
  const received: string[] = []
  const enough = new AbortController()
  const onLine = ({ source, text }: LogLine): void => void received.push(`${source}: ${text}`)
  expect(await logs.follow(app, 100, onLine, enough.signal)).toEqual([])
  logs.seen(pod(null))
  print('before we came')
  logs.seen(pod(0))
  await streaming()
  print('live')
  await expect.poll(() => received).toEqual(['web.v3.x2x4z: before we came', 'web.v3.x2x4z: live'])
  expect(await logs.tail(app, 1)).toEqual([
    { time: new Date('2026-11-22T04:00:00.000Z'), source: 'web.v3.x2x4z', text: 'live' },
  ])
  expect(await texts()).toEqual(['before we came', 'live'])
  expect(await texts(0)).toEqual([])
  enough.abort()
  print('not followed')
  await expect.poll(texts).toHaveLength(3)
  expect(received).toHaveLength(2)
})

test('an answer has lines that the stream has not brought yet, and they do not come twice', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one', { late: true })
  print('two', { late: true })
  expect(await texts()).toEqual(['one', 'two'])
  for (const line of runs[0]?.lines ?? []) streams[0]?.write(line)
  print('three')
  await expect.poll(() => texts()).toEqual(['one', 'two', 'three'])
})

test('a broken stream goes on after its last line: nothing twice, nothing lost', async () => {
  logs.seen(pod(0))
  await streaming()
  for (let index = 0; index < 4; index++) print(`before ${index}`)
  streams[0]?.write('2026-11-22T04:00:01.000000005Z bef')
  await expect.poll(async () => (await texts()).length).toBe(4)
  cut()
  for (let index = 4; index < 8; index++) print(`before ${index}`)
  await streaming()
  print('after')
  await expect.poll(async () => (await texts()).length).toBe(9)
  expect(await texts()).toEqual([...Array.from({ length: 8 }, (_, index) => `before ${index}`), 'after'])
  expect(warnings).toEqual([])
})

test('the next controller goes on where this one stopped', async () => {
  logs.seen(pod(0))
  await streaming()
  for (const text of ['one', 'two', 'three', 'four']) print(text)
  await expect.poll(async () => (await texts()).length).toBe(4)
  await logs.close()
  streams = []
  for (const text of ['five', 'six']) print(text)
  logs = open()
  logs.seen(pod(0))
  expect(await texts()).toEqual(['one', 'two', 'three', 'four', 'five', 'six'])
  await streaming()
  expect(api.seen.at(-1)?.query.get('sinceTime')).toMatch(/^2026-11-22T04:00:01Z$/)
  expect(await texts()).toHaveLength(6)
})

test('a restarted container is followed again, and the log of its last run is read to the end', async () => {
  logs.seen(pod(0))
  await streaming()
  print('first run')
  await expect.poll(texts).toHaveLength(1)
  cut()
  print('dying')
  print('without end', { end: '' })
  endRun()
  runs.push({ lines: [], over: false })
  logs.seen(pod(1))
  await streaming()
  print('second run')
  await expect.poll(texts).toEqual(['first run', 'dying', 'without end', 'second run'])
  expect(api.seen.filter(({ query }) => query.get('previous') === 'true')).toHaveLength(1)
})

/** Longer than the platform waits for the last lines of a container that has ended. */
const settled = { timeout: 10_000 }

test('the log of a container that has ended is read to its last byte, and then no more', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one')
  print('two', { end: '' })
  endRun()
  logs.seen(pod(0, false))
  await expect.poll(texts, settled).toEqual(['one', 'two'])
  const count = api.seen.length
  logs.seen(pod(0, false))
  expect(await texts()).toEqual(['one', 'two'])
  expect(api.seen).toHaveLength(count)
})

test('lines are stored that are written after the end of the container was reported', async () => {
  print('one')
  print('two')
  const all = runs.at(-1)?.lines ?? []
  let reads = 0
  runs = [
    {
      over: true,
      get lines() {
        return reads++ === 0 ? all.slice(0, 1) : all
      },
    },
  ]
  logs.seen(pod(0, false))
  await expect.poll(() => readFile(join(folder, `${app}.log`), 'utf8'), settled).toContain('two')
  expect(await texts()).toEqual(['one', 'two'])
})

test('an open stream of a pod that is gone is read to its end, and an answer waits for it', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one')
  print('half', { end: '' })
  logs.gone(pod(0))
  setTimeout(endRun, 100)
  expect(await texts()).toEqual(['one', 'half'])
})

test('the last line is stored even if the API has already forgotten the pod', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one')
  print('half', { end: '' })
  await expect.poll(texts).toEqual(['one'])
  api.answer((_, response) => refuse(response, 404, 'NotFound', 'no such pod'))
  const count = api.seen.length
  endRun()
  // The container counted as alive, so the stream was opened again.
  await expect.poll(() => api.seen.length).toBe(count + 1)
  await expect.poll(texts).toEqual(['one', 'half'])
})

test('an answer has the lines of the present run while the stream is still in the previous one', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one')
  await expect.poll(texts).toEqual(['one'])
  print('dying', { late: true })
  const [stream] = streams.splice(0)
  endRun()
  runs.push({ lines: [], over: false })
  print('born')
  logs.seen(pod(1))
  expect(await texts()).toEqual(['one', 'born'])
  stream?.end(runs[0]?.lines.at(-1))
  await streaming()
  print('alive')
  await expect.poll(texts).toEqual(['one', 'dying', 'born', 'alive'])
})

test('a failing server is asked ever more rarely, with one warning', async () => {
  let asked = 0
  api.answer((_, response) => {
    asked++
    refuse(response, 500, 'InternalError', 'no')
  })
  logs.seen(pod(0))
  await expect.poll(() => warnings, { timeout: 10_000 }).toEqual(['the output of a pod cannot be read'])
  expect(asked).toBe(3)
  serve()
  print('back')
  await expect.poll(texts, { timeout: 10_000 }).toEqual(['back'])
  expect(warnings).toHaveLength(1)
})

test.each([
  { title: 'without our label', changes: { labels: { heritage: 'other' } } },
  { title: 'in a namespace of another name', changes: { namespace: 'deis' } },
  { title: 'without a version', changes: { labels: { version: 'canary' } } },
  { title: 'with a label that is not an app', changes: { labels: { app: '..' }, namespace: '..' } },
])('a pod $title is ignored', async ({ changes }) => {
  logs.seen(pod(0, true, changes))
  logs.gone(pod(0, true, changes))
  await logs.close()
  expect(api.seen).toEqual([])
  expect(await readdir(folder)).toEqual([])
})

test('nothing is left of a removed app, even if its pods still print', async () => {
  logs.seen(pod(0))
  await streaming()
  print('one')
  await expect.poll(texts).toEqual(['one'])
  await logs.remove(app)
  expect(await readdir(folder)).toEqual([])
  print('two')
  logs.seen(pod(0))
  expect(await texts()).toEqual([])
  logs.gone(pod(0))
  expect(await readdir(folder)).toEqual([])
})

test('an unknown or invalid app has no lines', async () => {
  expect(await logs.tail('nobody', 10)).toEqual([])
  expect(await logs.tail('../etc', 10)).toEqual([])
})
