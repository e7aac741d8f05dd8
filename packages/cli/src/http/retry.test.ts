// What is printed, and sent again, when the connection is lost during a command?
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deis, homeOf } from '../testbed.ts'

type Handler = (response: ServerResponse) => void
type Seen = { readonly what: string; readonly id: string | undefined }

const breaks: Handler = (response) => void response.socket?.destroy()
const answers =
  (status: number, body: unknown): Handler =>
  (response) =>
    void response.writeHead(status, { DEIS_API_VERSION: '2.3' }).end(body === null ? '' : JSON.stringify(body))
const record = (state: string, status: number | null = null, body: unknown = null): Handler =>
  answers(200, { state, status, answer: body === null ? null : JSON.stringify(body) })
const unknown = answers(404, 'No Request matches the given query.')
const created = { values: { A: '1', WORKFLOW_RELEASE: 'v3' } }

/** Changes and requests for results are handled in order, the last handler for all later ones; reads always work. */
async function controller(script: { readonly changes: readonly Handler[]; readonly questions?: readonly Handler[] }) {
  const seen: Seen[] = []
  const rest = { changes: [...script.changes], questions: [...(script.questions ?? [])] }
  const next = (list: Handler[]): Handler => (list.length > 1 ? list.shift()! : (list[0] ?? breaks))
  const server = createServer((request, response) => {
    void text(request).then(() => {
      const { method, url, headers } = request
      const isQuestion = url?.startsWith('/v2/requests/') ?? false
      const id = isQuestion ? url?.split('/')[3] : headers['deis-request-id']?.toString()
      seen.push({ what: isQuestion ? 'asks' : `${method}`, id })
      if (isQuestion) return next(rest.questions)(response)
      if (method === 'GET') return answers(200, { values: { A: '1' } })(response)
      return next(rest.changes)(response)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const set = ['config:set', 'A=1', '-a', 'foo']
const done = {
  code: 0,
  stdout: 'Creating config... done, v3\n\n=== foo Config\nA                     1\nWORKFLOW_RELEASE      v3\n',
}
const gone = ' !    The controller does not answer; waiting up to 300 s for the result...\n'
const busy = ' !    The connection was lost, but the change is still running; waiting for the result...\n'

describe('a change whose answer is lost', () => {
  test.each([
    ['the connection breaks', breaks],
    ['a proxy gives up', answers(504, '<html>')],
    ['the controller stops', answers(503, { detail: 'The controller is stopping. Try again in a moment.' })],
    ['a proxy has no controller', answers(502, '')],
  ])('%s: the answer is the recorded one', async (_, fails) => {
    const { url, seen } = await controller({
      changes: [fails],
      questions: [breaks, breaks, record('running'), record('running'), record('ended', 201, created)],
    })
    expect(await deis(set, { home: homeOf({ url }) })).toMatchObject({ ...done, stderr: gone + busy })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks', 'asks', 'asks', 'asks', 'asks'])
    const [{ id } = { id: '' }] = seen
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(seen.every((one) => one.id === id)).toBe(true)
  })

  test('an error is reported as usual', async () => {
    const detail = '(app::deploy): There was a problem deploying v3. Rolling back process types to release v2.\nwhy'
    const plain = await controller({ changes: [answers(400, { detail })] })
    const late = await controller({ changes: [breaks], questions: [record('ended', 400, { detail })] })
    const first = await deis(set, { home: homeOf(plain) })
    expect(first).toMatchObject({ code: 1 })
    expect(await deis(set, { home: homeOf(late) })).toEqual(first)
  })

  test.each([
    ['is not known', unknown],
    ['was interrupted before anything changed', record('interrupted')],
  ])('a change that %s is sent once more, with the same id', async (_, never) => {
    const { url, seen } = await controller({ changes: [breaks, answers(201, created)], questions: [never] })
    expect(await deis(set, { home: homeOf({ url }) })).toMatchObject({ ...done, stderr: '' })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks', 'POST'])
    expect(seen[2]?.id).toBe(seen[0]?.id)
  })

  test('it is not sent a third time', async () => {
    const { url, seen } = await controller({ changes: [breaks], questions: [unknown] })
    expect(await deis(set, { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr: `Error: The connection to the controller at ${url} was lost twice before this was done.\nRun the same command again.\n`,
    })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks', 'POST', 'asks'])
  })

  test('the message of a controller that refuses twice is shown', async () => {
    const detail = 'Too many requests are being answered: try again in a moment.'
    const { url, seen } = await controller({ changes: [answers(503, { detail })], questions: [unknown] })
    expect(await deis(set, { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(detail) as string,
    })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks', 'POST', 'asks'])
  })

  test('an unclear result is not sent again', async () => {
    const { url, seen } = await controller({ changes: [breaks], questions: [record('unclear')] })
    expect(await deis(['ps:restart', '-a', 'foo'], { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'Error: The controller stopped during this change, and does not know whether it was done.\nCheck with `deis releases` and `deis ps` before you try again.\n',
      ) as string,
    })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks'])
  })

  test.each([
    ['an original controller', answers(404, { detail: 'Not found.' })],
    ['another server', answers(200, 'hello')],
  ])('%s does not record requests: the error as usual', async (_, silent) => {
    const { url, seen } = await controller({ changes: [answers(504, '')], questions: [silent] })
    expect(await deis(set, { home: homeOf({ url }) })).toMatchObject({
      code: 1,
      stderr:
        'Error: Unknown Error (504): a proxy in front of the controller got no answer from it.\nThe controller may still be working: check with `deis releases` and `deis ps` before you try again.\n',
    })
    expect(seen.map(({ what }) => what)).toEqual(['POST', 'asks'])
  })

  test('DEIS_WAIT_SECONDS limits the wait, and 0 turns it off', async () => {
    const { url, seen } = await controller({ changes: [breaks], questions: [breaks] })
    const home = homeOf({ url })
    expect(await deis(set, { home, env: { DEIS_WAIT_SECONDS: '1' } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `Error: The controller at ${url} did not report the result within 1 s.\n`,
      ) as string,
    })
    seen.splice(0)
    expect(await deis(set, { home, env: { DEIS_WAIT_SECONDS: '0' } })).toMatchObject({ code: 1 })
    expect(seen.map(({ what }) => what)).toEqual(['POST'])
    for (const bad of ['x', '-1', '999999'])
      expect(await deis(set, { home, env: { DEIS_WAIT_SECONDS: bad } })).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('DEIS_WAIT_SECONDS is') as string,
      })
  })
})

test('a read is sent a few times', async () => {
  let times = 0
  const server = createServer((_, response) => {
    times++
    if (times < 3) breaks(response)
    else if (times === 3) answers(503, { detail: 'stopping' })(response)
    else answers(200, { values: { A: '1' } })(response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await deis(['config', '-a', 'foo'], { home: homeOf({ url }) })).toMatchObject({ code: 0, stderr: '' })
  expect(times).toBe(4)
})
