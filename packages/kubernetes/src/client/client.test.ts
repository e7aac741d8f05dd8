// Are calls retried only when that helps, ended in time, and refused with the API's own message?
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKube, type Kube } from './client.ts'
import { errorOf, KubeError } from './error.ts'
import { type FakeApi, json, openFakeApi, refuse } from './testing.ts'

let api: FakeApi
let kube: Kube
beforeEach(async () => {
  api = await openFakeApi()
  kube = createKube(api.transport)
})
afterEach(async () => {
  await api.close()
})

const path = '/api/v1/namespaces/one/pods'

/** The given answers one after the other, then a good one. */
function after(...first: Parameters<FakeApi['answer']>[0][]): void {
  api.answer((seen, response, raw) =>
    (first.shift() ?? (() => json(response, 200, { fine: true })))(seen, response, raw),
  )
}

test.each([
  {
    title: 'the API’s own words',
    status: 409,
    body: '{"reason":"Conflict","message":"try again"}',
    reason: 'Conflict',
    message: 'try again',
  },
  {
    title: 'a proxy’s page',
    status: 502,
    body: '<h1>Bad Gateway</h1>\n',
    reason: '',
    message: 'the Kubernetes API answered 502: <h1>Bad Gateway</h1>',
  },
  {
    title: "JSON that is not the API's",
    status: 500,
    body: '[]',
    reason: '',
    message: 'the Kubernetes API answered 500: []',
  },
  {
    title: 'a path that is not served',
    status: 404,
    body: '404 page not found\n',
    reason: 'NoSuchPath',
    message: 'the Kubernetes API answered 404: 404 page not found',
  },
])('an error tells $title', ({ status, body, reason, message }) => {
  expect(errorOf(status, body, undefined)).toMatchObject({ status, reason, message, retryAfter: null })
})

test.each([
  { title: 'busy', answer: 'busy' },
  { title: 'starting', answer: 'starting' },
  { title: 'cut off before the answer', answer: 'cut' },
  { title: 'cut off in the answer', answer: 'half' },
  { title: 'behind a proxy that lost it', answer: 'proxy' },
])('a server that is $title is asked again', async ({ answer }) => {
  after((_, response) => {
    if (answer === 'busy') refuse(response, 429, 'TooManyRequests', 'later', { 'retry-after': '0' })
    else if (answer === 'starting') refuse(response, 503, 'ServiceUnavailable', 'starting')
    else if (answer === 'proxy') response.writeHead(404).end('<html>')
    else if (answer === 'cut') response.destroy()
    else response.writeHead(200, { 'content-length': '100' }).write('{"fi', () => response.destroy())
  })
  expect(await kube.get(path)).toEqual({ fine: true })
  expect(api.seen).toHaveLength(2)
})

test('Retry-After is waited for', async () => {
  after((_, response) => refuse(response, 429, 'TooManyRequests', 'later', { 'retry-after': '1' }))
  const started = Date.now()
  await kube.get(path)
  expect(Date.now() - started).toBeGreaterThanOrEqual(990)
})

test('a wait beyond the deadline is not begun', async () => {
  after((_, response) => refuse(response, 429, 'TooManyRequests', 'much later', { 'retry-after': '3600' }))
  await expect(kube.get(path)).rejects.toMatchObject({ status: 429, retryAfter: 3600 })
  expect(api.seen).toHaveLength(1)
})

test.each([
  { title: 'refused', status: 403, reason: 'Forbidden' },
  { title: 'not there', status: 404, reason: 'NotFound' },
  { title: 'invalid', status: 422, reason: 'Invalid' },
  {
    title: 'against the schema',
    status: 500,
    reason: '',
    message: 'failed to create typed patch object: no such field',
  },
])('what is $title is not asked again', async ({ status, reason, message = 'no' }) => {
  after((_, response) => refuse(response, status, reason, message))
  const error: unknown = await kube.get(path).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(KubeError)
  expect(error).toMatchObject({ status, reason, message })
  expect(api.seen).toHaveLength(1)
})

test('an API group that the cluster does not have is not found, without retries', async () => {
  after((_, response) => void response.writeHead(404).end('404 page not found\n'))
  expect(await kube.find('/apis/metrics.k8s.io/v1beta1')).toBeUndefined()
  expect(api.seen).toHaveLength(1)
})

test('create is retried only when it cannot have reached the server', async () => {
  after((_, response) => refuse(response, 429, 'TooManyRequests', 'later'))
  expect(await kube.create(path, {})).toEqual({ fine: true })
  after((_, response) => response.destroy())
  await expect(kube.create(path, {})).rejects.toMatchObject({ code: 'ECONNRESET' })
  after((_, response) => refuse(response, 500, 'InternalError', 'etcdserver: request timed out'))
  await expect(kube.create(path, {})).rejects.toMatchObject({ status: 500 })
  expect(api.seen).toHaveLength(4)
})

test('a slow answer is retried, and in the end fails with a clear message', async () => {
  const hasty = createKube(api.transport, { callMs: 300, wholeMs: 2_000 })
  after(() => {})
  expect(await hasty.get(path)).toEqual({ fine: true })
  api.answer((_, response) => void response.writeHead(200).write('{'))
  const error: unknown = await hasty.get(path).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'Error', message: `the Kubernetes API did not answer GET ${path} within 0.3 s` })
  expect(api.seen.length).toBeGreaterThan(3)
  await expect(hasty.create(path, {})).rejects.toThrow('did not answer POST')
})

test.each(['answer', 'next try'])('a cancelled call throws the reason while it waits for the %s', async (wait) => {
  const cancel = new AbortController()
  const reason = new Error('enough')
  const asked = new Promise<void>((resolve) => {
    api.answer((_, response) => {
      if (wait === 'next try') refuse(response, 429, 'TooManyRequests', 'later', { 'retry-after': '30' })
      resolve()
    })
  })
  const call = expect(kube.get(path, { signal: cancel.signal })).rejects.toBe(reason)
  await asked
  // The answer is on its way to the client, which then begins to wait.
  if (wait === 'next try') await new Promise((resolve) => setTimeout(resolve, 50))
  cancel.abort(reason)
  await call
  await expect(kube.get(path, { signal: cancel.signal })).rejects.toBe(reason)
  expect(api.seen).toHaveLength(1)
})

test('an answer that is not JSON is reported', async () => {
  api.answer((_, response) => void response.end('<html>Please log in'))
  await expect(kube.get(path)).rejects.toThrow(
    `the answer to GET ${path} is not from the Kubernetes API: <html>Please log in`,
  )
})

/** Pages of two pods, until the token is no longer good. */
function pages(expired: boolean): void {
  api.answer(({ query }, response) => {
    const token = query.get('continue')
    if (token !== null && expired) return refuse(response, 410, 'Expired', 'The provided continue parameter is too old')
    const all = ['a', 'b', 'c', 'd', 'e']
    const from = Number(token ?? 0)
    const size = query.get('limit') === null ? all.length : 2
    const rest = from + size < all.length ? { continue: String(from + size) } : {}
    json(response, 200, { metadata: { resourceVersion: '7', ...rest }, items: all.slice(from, from + size) })
  })
}

test.each([false, true])('a list has all pages (their rest expired: %s)', async (expired) => {
  pages(expired)
  const { items, metadata } = await kube.list(path, { query: { labelSelector: 'heritage=deis' } })
  expect(items).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(metadata.resourceVersion).toBe('7')
  expect(api.seen.map(({ query }) => query.get('labelSelector'))).toEqual([
    'heritage=deis',
    'heritage=deis',
    'heritage=deis',
  ])
})

test('a list whose first page is refused fails', async () => {
  api.answer((_, response) => refuse(response, 410, 'Expired', 'too old'))
  await expect(kube.list(path)).rejects.toMatchObject({ status: 410 })
  expect(api.seen).toHaveLength(1)
})

test('apply, patch and remove say what they mean', async () => {
  after()
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'one' } }
  await kube.apply(pod)
  await kube.apply(pod, { manager: 'deis-scale' })
  await kube.patch(`${path}/p`, { a: null })
  await kube.patch(`${path}/p`, [{ op: 'remove', path: '/a' }], { kind: 'json' })
  await kube.remove(`${path}/p`, { graceSeconds: 0 })
  await kube.remove(`${path}/p`, { background: false })
  expect(api.seen.map(({ method, path, query, type }) => [method, path, String(query), type])).toEqual([
    ['PATCH', `${path}/p`, 'fieldManager=deis&force=true', 'application/apply-patch+yaml'],
    ['PATCH', `${path}/p`, 'fieldManager=deis-scale&force=true', 'application/apply-patch+yaml'],
    ['PATCH', `${path}/p`, 'fieldManager=deis', 'application/merge-patch+json'],
    ['PATCH', `${path}/p`, 'fieldManager=deis', 'application/json-patch+json'],
    ['DELETE', `${path}/p`, '', 'application/json'],
    ['DELETE', `${path}/p`, '', 'application/json'],
  ])
  expect(JSON.parse(api.seen[4]?.body ?? '')).toMatchObject({ gracePeriodSeconds: 0, propagationPolicy: 'Background' })
  expect(JSON.parse(api.seen[5]?.body ?? '')).not.toHaveProperty('gracePeriodSeconds')
})

test('removing a missing object succeeds, other refusals fail', async () => {
  after((_, response) => refuse(response, 404, 'NotFound', 'no'))
  await kube.remove(`${path}/p`)
  after((_, response) => refuse(response, 403, 'Forbidden', 'no'))
  await expect(kube.remove(`${path}/p`)).rejects.toMatchObject({ status: 403 })
})

test('a stream comes as it is made, is refused with words, and ends with its signal', async () => {
  const cancel = new AbortController()
  api.answer((_, response) => void response.writeHead(200).write('one'))
  const body = await kube.stream(`${path}/p/log`, { follow: true }, cancel.signal)
  const [chunk] = (await once(body, 'data')) as [Buffer]
  expect(chunk.toString()).toBe('one')
  cancel.abort(new Error('enough'))
  await expect(text(body)).rejects.toThrow()
  api.answer((_, response) => refuse(response, 400, 'BadRequest', 'is waiting to start'))
  await expect(kube.stream(`${path}/p/log`, {}, new AbortController().signal)).rejects.toThrow('is waiting to start')
})

test('any number of streams leaves connections for calls', async () => {
  const cancel = new AbortController()
  api.answer(({ query }, response) => {
    if (query.has('follow')) response.writeHead(200).flushHeaders()
    else json(response, 200, { fine: true })
  })
  const open = Array.from({ length: 200 }, () => kube.stream(`${path}/p/log`, { follow: true }, cancel.signal))
  for (const body of await Promise.all(open)) body.on('error', () => {})
  expect(await kube.get(path)).toEqual({ fine: true })
  cancel.abort()
})
