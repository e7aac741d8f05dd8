// Does what is followed come as it comes, survive a connection that breaks, and end with the right code?
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { followHeader } from '@deis/types'
import { describe, expect, onTestFinished, test } from 'vitest'
import { deis, homeOf } from '../testbed.ts'

type Handler = (response: ServerResponse, request: IncomingMessage) => void

/** Answers one request after the other, the last one for ever. */
async function scripted(...handlers: readonly Handler[]): Promise<{ home: string; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const handle = handlers[Math.min(requests.length, handlers.length - 1)]
    requests.push(`${request.method} ${request.url}`)
    response.setHeader('DEIS_API_VERSION', '2.3')
    handle?.(response, request)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const home = homeOf({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  return { home, requests }
}

const followed = (text: string, then: (response: ServerResponse) => void): Handler => {
  return (response) => {
    response.writeHead(200, { [followHeader]: '1' })
    response.write(text, () => then(response))
  }
}
const ends = (text: string): Handler => followed(text, (response) => response.end())
const breaks = (text: string): Handler => followed(text, (response) => response.destroy())
const json =
  (body: unknown, status = 200): Handler =>
  (response) =>
    response.writeHead(status).end(JSON.stringify(body))
const gone: Handler = (response) => response.writeHead(404).end('"No App matches the given query."')

const line = (second: number, text: string): string => `2026-01-02T03:04:0${second}+00:00 app[web.v2.abcde]: ${text}\n`
const lost = (why: string): string => `The connection to the controller was lost (${why}); reconnecting...\n`
const back = 'Reconnected.\n'

describe('logs -f', () => {
  test('goes on where a connection broke, until the app is destroyed', async () => {
    const { home, requests } = await scripted(
      breaks(`${line(1, 'a')}\n${line(2, 'b')}${line(2, 'cut')}`.slice(0, -3)),
      (response) => response.writeHead(503).end('{"detail":"The controller is stopping."}'),
      ends(`${line(1, 'a')}${line(2, 'b')}${line(2, 'cut')}\n${line(3, 'é')}`),
      gone,
    )
    expect(await deis(['logs', '-f', '-a', 'foo', '-n', '7'], { home })).toMatchObject({
      code: 0,
      stdout: line(1, 'a') + line(2, 'b') + line(2, 'cut') + line(3, 'é'),
      stderr: `${lost('aborted')}${back}${lost('closed by the controller')}"foo" was destroyed.\n`,
    })
    expect(requests).toEqual([
      'GET /v2/apps/foo/logs?log_lines=7&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
    ])
  })

  test('-n 0 shows only what comes, also what came while the connection was lost before any line', async () => {
    const began =
      (handler: Handler): Handler =>
      (response, request) => {
        response.setHeader('Date', 'Fri, 02 Jan 2026 03:04:02 GMT')
        handler(response, request)
      }
    const { home, requests } = await scripted(
      began(breaks('\n')),
      breaks(line(1, 'old') + line(2, 'b') + line(3, 'c')),
      ends(line(1, 'old') + line(2, 'b') + line(3, 'c') + line(3, 'd')),
      gone,
    )
    expect(await deis(['logs', '-f', '-a', 'foo', '-n', '0'], { home })).toMatchObject({
      code: 0,
      stdout: line(2, 'b') + line(3, 'c') + line(3, 'd'),
    })
    expect(requests).toEqual([
      'GET /v2/apps/foo/logs?log_lines=0&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
      'GET /v2/apps/foo/logs?log_lines=5000&follow=1',
    ])
  })

  test('requests one type, and reports that access was revoked', async () => {
    const { home, requests } = await scripted(ends(line(1, 'a')), json({ detail: 'Invalid token.' }, 401))
    expect(await deis(['logs', '--follow', '--ptype=web', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout: line(1, 'a'),
      stderr: expect.stringMatching(/Error: Unauthorized: Missing or Invalid Token\nLog in again/) as string,
    })
    expect(requests[0]).toBe('GET /v2/apps/foo/logs?type=web&follow=1')
  })

  test('colours each line for a terminal', async () => {
    const { home } = await scripted(ends(line(1, 'a')), gone)
    const { stdout } = await deis(['logs', '-f', '-a', 'foo'], { home, stdoutIsTty: true })
    expect(stdout).toBe(`\u001b[31m${line(1, 'a').trimEnd()}\u001b[39m\n`)
  })

  test.each([
    ['with lines', (response: ServerResponse) => response.writeHead(200).end(line(1, 'a')), line(1, 'a')],
    ['without any', (response: ServerResponse) => response.writeHead(204).end(), ''],
  ])('reports that a controller cannot follow, %s', async (_, handler, stdout) => {
    const { home, requests } = await scripted(handler)
    expect(await deis(['logs', '-f', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout,
      stderr:
        'Error: This controller cannot follow logs.\nThe lines above are the latest. Run it again without --follow.\n',
    })
    expect(requests).toHaveLength(1)
  })

  test('does not try again what never worked', async () => {
    const { home, requests } = await scripted(gone)
    expect(await deis(['logs', '-f', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: "No App matches the given query."\n',
    })
    expect(requests).toHaveLength(1)
    const nowhere = homeOf({ url: 'http://127.0.0.1:1' })
    expect((await deis(['logs', '-f', '-a', 'foo'], { home: nowhere })).stderr).toMatch(/^Error: Cannot reach/)
  })

  test('is not JSON', async () => {
    const { home, requests } = await scripted(gone)
    expect(await deis(['logs', '-f', '--json', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Error: --json cannot be combined with --follow.\nRun it without one of them.\n',
    })
    expect(requests).toEqual([])
  })

  test('--ptype needs no -f', async () => {
    const { home, requests } = await scripted((response) => response.end(line(1, 'a')))
    expect((await deis(['logs', '--ptype', 'web', '-a', 'foo'], { home })).stdout).toBe(line(1, 'a'))
    expect(requests).toEqual(['GET /v2/apps/foo/logs?type=web'])
  })
})

describe('builds:logs -f', () => {
  const build = (status: string) => json({ uuid: 'u1', status })
  const releases = (...results: object[]) => json({ count: results.length, next: null, previous: null, results })
  const deployed = { version: 3, build: 'u1', failed: false }
  const argv = ['builds:logs', 'u1', '-f', '-a', 'foo']

  test('ends with 0 when the build runs', async () => {
    const { home, requests } = await scripted(ends('one\n...\n\ntwo'), build('succeeded'), releases(deployed))
    expect(await deis(argv, { home })).toMatchObject({ code: 0, stdout: 'one\n...\n\ntwo', stderr: '' })
    expect(requests).toEqual([
      'GET /v2/apps/foo/builds/u1/logs/?follow=1',
      'GET /v2/apps/foo/builds/u1/',
      'GET /v2/apps/foo/releases/?limit=1000',
    ])
  })

  test.each([
    [[build('failed')], 'Build u1 ended with the status "failed".'],
    [[build('canceled')], 'Build u1 ended with the status "canceled".'],
    [[build('succeeded'), releases()], 'Build u1 succeeded, but there is no release of it.'],
    [
      [build('succeeded'), releases({ ...deployed, version: 4, failed: true }, { ...deployed, build: 'u0' })],
      'Build u1 succeeded, but its release v4 failed.',
    ],
  ])('ends with 1 when it does not: %#', async (after, why) => {
    const { home } = await scripted(ends('one\n'), ...after)
    expect(await deis(argv, { home })).toMatchObject({ code: 1, stdout: 'one\n', stderr: `${why}\n` })
  })

  test('shows nothing twice when the connection breaks', async () => {
    const { home } = await scripted(
      breaks('one\n...\nsame\nsame\nha'),
      ends('one\nsame\n...\nsame\n'),
      build('running'),
      ends('one\nsame\nsame\nhalf\n'),
      build('succeeded'),
      releases(deployed),
    )
    expect(await deis(argv, { home })).toMatchObject({
      code: 0,
      stdout: 'one\n...\nsame\nsame\nhalf\n',
      stderr: `${lost('aborted')}${back}${lost('closed by the controller')}${back}`,
    })
  })

  test('as JSON is the whole text, at the end', async () => {
    const { home } = await scripted(ends('one\n...\ntwo\n'), build('failed'))
    expect(await deis([...argv, '--json'], { home })).toMatchObject({
      code: 1,
      stdout: '"one\\ntwo\\n"\n',
      stderr: 'Build u1 ended with the status "failed".\n',
    })
  })

  test('where the controller cannot do it, works for what has ended', async () => {
    const all: Handler = (response) => response.end('all\n')
    const ended = await scripted(all, build('failed'))
    expect(await deis(argv, { home: ended.home })).toMatchObject({ code: 1, stdout: 'all\n' })
    const running = await scripted(all, build('running'))
    expect(await deis(argv, { home: running.home })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^Error: This controller cannot follow builds, and this build still runs\./,
      ) as string,
    })
  })
})

describe('builds:cancel', () => {
  const page = (...results: object[]) => json({ count: results.length, next: null, previous: null, results })
  const canceled = { uuid: 'u2', status: 'canceled' }

  test('ends the one that runs', async () => {
    const { home, requests } = await scripted(
      page({ uuid: 'u3', status: 'succeeded' }, { uuid: 'u2', status: 'running' }),
      json(canceled),
    )
    expect(await deis(['builds:cancel', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: 'Cancelling build u2... done\n',
    })
    expect(requests).toEqual(['GET /v2/apps/foo/builds/?all=1&limit=100', 'POST /v2/apps/foo/builds/u2/cancel/'])
  })

  test('ends the one named, and answers it as JSON', async () => {
    const { home, requests } = await scripted(json(canceled))
    const { stdout } = await deis(['builds:cancel', 'u2', '-a', 'foo', '--json'], { home })
    expect(JSON.parse(stdout)).toEqual(canceled)
    expect(requests).toEqual(['POST /v2/apps/foo/builds/u2/cancel/'])
  })

  test('reports that there is no build, or that it has ended', async () => {
    const none = await scripted(page({ uuid: 'u3', status: 'succeeded' }))
    expect(await deis(['builds:cancel', '-a', 'foo'], { home: none.home })).toMatchObject({
      code: 1,
      stderr:
        'Error: No build of "foo" is running.\nList builds with `deis builds:list --all`. To undo a release, use `deis rollback`.\n',
    })
    const late = await scripted(json({ detail: 'Build "u2" is no longer running: it failed.' }, 409))
    expect(await deis(['builds:cancel', 'u2', '-a', 'foo'], { home: late.home })).toMatchObject({
      code: 1,
      stderr: 'Error: Build "u2" is no longer running: it failed.\n',
    })
  })
})
