// Is each line of a pod kept once, whatever happens to its container, its connection and its controller?
import { mkdtemp, readdir, rm } from 'node:fs/promises'
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
/** What the node has written of each life of the container, the last one last. */
let lives: { lines: string[]; over: boolean }[] = []
let streams: ServerResponse[] = []
let clock = 0

const open = (): PodLogs =>
  openPodLogs({ kube: createKube(api.transport), folder, log: (_, message) => void warnings.push(message) })

/** As kubelets answer: whole seconds count, dead containers end the stream. */
function serve(): void {
  api.answer(({ query, path }, response) => {
    if (path !== `/api/v1/namespaces/${app}/pods/${name}/log`) return refuse(response, 404, 'NotFound', 'no such pod')
    const life = lives.at(query.get('previous') === 'true' ? -2 : -1)
    if (!life) return refuse(response, 400, 'BadRequest', 'previous terminated container not found')
    const since = query.get('sinceTime')?.slice(0, 19) ?? ''
    const found = life.lines.filter((line) => line.slice(0, 19) >= since)
    response.writeHead(200).write(found.join('') || '', () => {})
    if (query.get('follow') === 'true' && !life.over) streams.push(response)
    else response.end()
  })
}
/** Three lines a second. `late`: the stream does not bring it yet. */
function say(text: string, { late = false, end = '\n' } = {}): void {
  const stamp = new Date(Date.UTC(2026, 10, 22, 4, 0, 0) + Math.floor(clock++ / 3) * 1000).toISOString().slice(0, 19)
  const line = `${stamp}.${String(clock).padStart(9, '0')}Z ${text}${end}`
  lives.at(-1)?.lines.push(line)
  if (!late) for (const stream of streams) stream.write(line)
}
function endLife(): void {
  const life = lives.at(-1)
  if (life) life.over = true
  for (const stream of streams.splice(0)) stream.end()
}
function cut(): void {
  for (const stream of streams.splice(0)) stream.destroy()
}

/** Its container in the given life; null: not started yet. */
function pod(life: number | null, alive = true, changes: { labels?: object; namespace?: string } = {}): Pod {
  const id = (of: number): string => `containerd://${of}`
  const terminated = (of: number) => ({ terminated: { containerID: id(of), exitCode: 1 } })
  const state = alive ? { running: {} } : terminated(life ?? 0)
  const status = {
    name: 'tea-web',
    image: 'i',
    imageID: 'i',
    ready: alive,
    restartCount: life ?? 0,
    ...(life === null ? { state: { waiting: { reason: 'ContainerCreating' } } } : { containerID: id(life), state }),
    ...(life ? { lastState: terminated(life - 1) } : {}),
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
  lives = [{ lines: [], over: false }]
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

test('what a pod says is kept, with time and source, and told', async () => {
  const told: string[] = []
  const enough = new AbortController()
  const hear = ({ source, text }: LogLine): void => void told.push(`${source}: ${text}`)
  expect(await logs.follow(app, 100, hear, enough.signal)).toEqual([])
  logs.seen(pod(null))
  say('before we came')
  logs.seen(pod(0))
  await streaming()
  say('live')
  await expect.poll(() => told).toEqual(['web.v3.x2x4z: before we came', 'web.v3.x2x4z: live'])
  expect(await logs.tail(app, 1)).toEqual([
    { time: new Date('2026-11-22T04:00:00.000Z'), source: 'web.v3.x2x4z', text: 'live' },
  ])
  expect(await texts()).toEqual(['before we came', 'live'])
  expect(await texts(0)).toEqual([])
  enough.abort()
  say('not told')
  await expect.poll(texts).toHaveLength(3)
  expect(told).toHaveLength(2)
})

test('an answer has what the stream has not brought yet, and the stream does not bring it again', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one', { late: true })
  say('two', { late: true })
  expect(await texts()).toEqual(['one', 'two'])
  for (const line of lives[0]?.lines ?? []) streams[0]?.write(line)
  say('three')
  await expect.poll(() => texts()).toEqual(['one', 'two', 'three'])
})

test('a cut stream goes on after its last line: nothing twice, nothing lost', async () => {
  logs.seen(pod(0))
  await streaming()
  for (let index = 0; index < 4; index++) say(`before ${index}`)
  streams[0]?.write('2026-11-22T04:00:01.000000005Z bef')
  await expect.poll(async () => (await texts()).length).toBe(4)
  cut()
  for (let index = 4; index < 8; index++) say(`before ${index}`)
  await streaming()
  say('after')
  await expect.poll(async () => (await texts()).length).toBe(9)
  expect(await texts()).toEqual([...Array.from({ length: 8 }, (_, index) => `before ${index}`), 'after'])
  expect(warnings).toEqual([])
})

test('the next controller goes on where this one stopped', async () => {
  logs.seen(pod(0))
  await streaming()
  for (const text of ['one', 'two', 'three', 'four']) say(text)
  await expect.poll(async () => (await texts()).length).toBe(4)
  await logs.close()
  streams = []
  for (const text of ['five', 'six']) say(text)
  logs = open()
  logs.seen(pod(0))
  expect(await texts()).toEqual(['one', 'two', 'three', 'four', 'five', 'six'])
  await streaming()
  expect(api.seen.at(-1)?.query.get('sinceTime')).toMatch(/^2026-11-22T04:00:01Z$/)
  expect(await texts()).toHaveLength(6)
})

test('a restarted container is followed again, and its last life read to the end', async () => {
  logs.seen(pod(0))
  await streaming()
  say('first life')
  await expect.poll(texts).toHaveLength(1)
  cut()
  say('dying')
  say('without end', { end: '' })
  endLife()
  lives.push({ lines: [], over: false })
  logs.seen(pod(1))
  await streaming()
  say('second life')
  await expect.poll(texts).toEqual(['first life', 'dying', 'without end', 'second life'])
  expect(api.seen.filter(({ query }) => query.get('previous') === 'true')).toHaveLength(1)
})

test('a container that has ended is read to its last byte, once, and then left alone', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one')
  say('two', { end: '' })
  endLife()
  logs.seen(pod(0, false))
  await expect.poll(texts).toEqual(['one', 'two'])
  const count = api.seen.length
  logs.seen(pod(0, false))
  expect(await texts()).toEqual(['one', 'two'])
  expect(api.seen).toHaveLength(count)
})

test('a pod that has gone: what is under way still comes, and an answer waits for it', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one')
  say('half', { end: '' })
  logs.gone(pod(0))
  setTimeout(endLife, 100)
  expect(await texts()).toEqual(['one', 'half'])
})

test('a pod that the API has forgotten first keeps its last line, too', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one')
  say('half', { end: '' })
  await expect.poll(texts).toEqual(['one'])
  api.answer((_, response) => refuse(response, 404, 'NotFound', 'no such pod'))
  const count = api.seen.length
  endLife()
  // It thought the container alive, and wanted to go on.
  await expect.poll(() => api.seen.length).toBe(count + 1)
  await expect.poll(texts).toEqual(['one', 'half'])
})

test('an answer overtakes a stream that is a life of the container behind', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one')
  await expect.poll(texts).toEqual(['one'])
  say('dying', { late: true })
  const [stream] = streams.splice(0)
  endLife()
  lives.push({ lines: [], over: false })
  say('born')
  logs.seen(pod(1))
  expect(await texts()).toEqual(['one', 'born'])
  stream?.end(lives[0]?.lines.at(-1))
  await streaming()
  say('alive')
  await expect.poll(texts).toEqual(['one', 'dying', 'born', 'alive'])
})

test('a server in trouble is asked ever more rarely, and somebody is told once', async () => {
  let asked = 0
  api.answer((_, response) => {
    asked++
    refuse(response, 500, 'InternalError', 'no')
  })
  logs.seen(pod(0))
  await expect.poll(() => warnings, { timeout: 10_000 }).toEqual(['the output of a pod cannot be read'])
  expect(asked).toBe(3)
  serve()
  say('back')
  await expect.poll(texts, { timeout: 10_000 }).toEqual(['back'])
  expect(warnings).toHaveLength(1)
})

test.each([
  { title: 'without our mark', changes: { labels: { heritage: 'other' } } },
  { title: 'in a namespace of another name', changes: { namespace: 'deis' } },
  { title: 'without a version', changes: { labels: { version: 'canary' } } },
  { title: 'with a label that is no app', changes: { labels: { app: '..' }, namespace: '..' } },
])('a pod $title is none of ours', async ({ changes }) => {
  logs.seen(pod(0, true, changes))
  logs.gone(pod(0, true, changes))
  await logs.close()
  expect(api.seen).toEqual([])
  expect(await readdir(folder)).toEqual([])
})

test('nothing is left of a removed app, though its pods go on talking', async () => {
  logs.seen(pod(0))
  await streaming()
  say('one')
  await expect.poll(texts).toEqual(['one'])
  await logs.remove(app)
  expect(await readdir(folder)).toEqual([])
  say('two')
  logs.seen(pod(0))
  expect(await texts()).toEqual([])
  logs.gone(pod(0))
  expect(await readdir(folder)).toEqual([])
})

test('an unknown app, or none, has no lines', async () => {
  expect(await logs.tail('nobody', 10)).toEqual([])
  expect(await logs.tail('../etc', 10)).toEqual([])
})

test('the last lines of a container, cut to size, and none where there is none', async () => {
  const last = (lines: number, previous = false) => logs.lastLines(app, name, 'tea-web', lines, previous)
  api.answer(({ query }, response) => {
    expect(Number(query.get('limitBytes'))).toBeGreaterThan(1000)
    response.end(`one\n${'x'.repeat(3000)}\nthree`)
  })
  expect(await last(2)).toEqual(['x'.repeat(952), 'three'])
  expect(await last(9)).toEqual(['one', 'x'.repeat(2048), 'x'.repeat(952), 'three'])
  api.answer((_, response) => void response.end('unable to retrieve container logs for containerd://abc'))
  expect(await last(2)).toEqual([])
  serve()
  expect(await last(2, true)).toEqual([])
  expect(await logs.lastLines(app, 'nobody', 'tea-web', 2, false)).toEqual([])
  api.answer((_, response) => refuse(response, 500, 'InternalError', 'kubelet is away'))
  await expect(last(2)).rejects.toThrow('kubelet is away')
})
