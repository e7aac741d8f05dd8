import { mkdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { bundleHook, run, temporary } from '../fixture.ts'
import { type HookCall, type HookServer, startHookServer, writeHooks } from './hooks.ts'

let folder: string
let program: readonly string[]
let server: HookServer | null = null

beforeAll(async () => {
  folder = await temporary()
  // A place that a shell would stumble over.
  const place = join(folder, `it's $(a) "place"`)
  await mkdir(place)
  program = await bundleHook(place)
})
afterEach(async () => {
  await server?.close()
  server = null
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function call(name: string, args: readonly string[], extra: Record<string, string> = {}) {
  const hooks = join(folder, 'hooks')
  await writeHooks(hooks, program)
  const env = { PATH: process.env['PATH'] ?? '', DEIS_HOOK_SOCKET: server?.path ?? '', DEIS_HOOK_TOKEN: 't', ...extra }
  return run(join(hooks, name), args, folder, env)
}

test('a hook tells what git told it, shows what comes and exits as told', async () => {
  const calls: HookCall['request'][] = []
  server = await startHookServer(join(folder, 'run'), async ({ request, show }) => {
    calls.push(request)
    show('one\ntwo\n')
    return 7
  })
  const pushed = {
    GIT_PUSH_OPTION_COUNT: '2',
    GIT_PUSH_OPTION_0: 'a',
    GIT_PUSH_OPTION_1: 'b c',
    GIT_QUARANTINE_PATH: '/q',
  }
  expect(await call('pre-receive', [], pushed)).toEqual({ code: 7, stdout: '', stderr: 'one\ntwo\n' })
  const update = await call('update', ['refs/heads/$(x)', 'a', 'b'], { DEIS_HOOK_REFUSALS: folder })
  expect(update.code).toBe(7)
  expect(calls).toEqual([
    {
      token: 't',
      hook: 'pre-receive',
      updates: '',
      options: ['a', 'b c'],
      quarantine: { GIT_QUARANTINE_PATH: '/q', GIT_OBJECT_DIRECTORY: '', GIT_ALTERNATE_OBJECT_DIRECTORIES: '' },
    },
    { token: 't', hook: 'update', ref: 'refs/heads/$(x)' },
  ])
})

test('the update hook costs nothing where nothing is refused', async () => {
  expect(await call('update', ['x'], { DEIS_HOOK_REFUSALS: join(folder, 'none') })).toMatchObject({
    code: 0,
    stderr: '',
  })
})

test('a server that stops declines what it has not decided', async () => {
  server = await startHookServer(join(folder, 'run'), () => {
    void server?.close().then(() => (server = null))
    return new Promise(() => {})
  })
  const result = await call('pre-receive', [])
  expect(result.code).toBe(1)
  expect(result.stderr).toBe('The platform stopped during this push and nothing was changed. Push again in a moment.\n')
})

test('a folder too deep for a socket does not matter, and nobody else reaches the socket', async () => {
  server = await startHookServer(join(folder, 'x'.repeat(100)), async () => 0)
  expect(dirname(dirname(server.path))).toBe(tmpdir())
  expect((await stat(dirname(server.path))).mode & 0o777).toBe(0o700)
  expect((await call('pre-receive', [])).code).toBe(0)
})
