// Does Ctrl-C at a command that runs end it on the other side?
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { deis, homeOf } from '../../testbed.ts'

/** A controller at which a command goes on until it is stopped; `knows`: by name, otherwise only with its connection. */
async function start(knows: boolean, stopped: (run: ServerResponse) => void) {
  const requests: string[] = []
  const runs = new Map<string, ServerResponse>()
  const began = new AbortController()
  const gone = new AbortController()
  const left = new AbortController()
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume()
    response.setHeader('DEIS_API_VERSION', '2.3')
    requests.push(`${request.method} ${request.url}`)
    if (request.url === '/v2/apps/foo/run') {
      runs.set(String(request.headers['deis-request-id']), response)
      response.on('close', () => gone.abort())
      return began.abort()
    }
    const run = runs.get(/\/run\/([^/]*)\/stop\/$/.exec(request.url ?? '')?.[1] ?? '')
    if (!run || !knows) return void response.writeHead(404).end()
    stopped(run)
    if (run.writableEnded) response.writeHead(204).end()
    else response.on('close', () => left.abort())
  }
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const home = homeOf({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  return { home, requests, began: began.signal, gone: gone.signal, left: left.signal }
}

/** Runs a command, and presses Ctrl-C the given number of times. */
function run(home: string) {
  let press = (): void => {}
  const ended = deis(['run', '-a', 'foo', 'sleep 100'], { home, interrupts: (to) => (press = to) })
  return { press: () => press(), ended }
}

const aborted = (signal: AbortSignal): Promise<unknown> => once(signal, 'abort')
const hint = 'Stopping the command; press Ctrl-C again to leave at once.\n'

test('the first stops it, and its last output is shown', async () => {
  const { home, requests, began } = await start(true, (response) =>
    response.end(JSON.stringify({ exit_code: 143, output: 'cleaning up\n' })),
  )
  const { press, ended } = run(home)
  await aborted(began)
  press()
  expect(await ended).toMatchObject({
    code: 130,
    stdout: "Running 'sleep 100'...\n",
    stderr: `${hint}cleaning up\n`,
  })
  expect(requests).toEqual([
    'POST /v2/apps/foo/run',
    expect.stringMatching(/^POST \/v2\/apps\/foo\/pods\/run\/[\w-]{36}\/stop\/$/),
  ])
})

test('the second leaves, and the connection is closed', async () => {
  const asked = new AbortController()
  const { home, began, gone, left } = await start(true, () => asked.abort())
  const { press, ended } = run(home)
  await aborted(began)
  press()
  if (!asked.signal.aborted) await aborted(asked.signal)
  press()
  expect(await ended).toMatchObject({ code: 130, stderr: hint })
  if (!gone.aborted) await aborted(gone)
  // Nor is the answer to the first waited for.
  if (!left.aborted) await aborted(left)
})

test('a controller that cannot stop it loses the connection instead', async () => {
  const { home, began, gone } = await start(false, () => {})
  const { press, ended } = run(home)
  await aborted(began)
  press()
  expect(await ended).toMatchObject({ code: 130, stderr: hint })
  if (!gone.aborted) await aborted(gone)
})
