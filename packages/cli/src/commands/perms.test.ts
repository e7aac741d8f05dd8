// Do the commands for permissions send, print and exit as in the contract?
import { expect, test } from 'vitest'
import { deis, homeOf, startController } from '../testbed.ts'

async function against() {
  const controller = await startController({
    'GET /v2/apps/foo/perms/': { json: { users: ['ann', 'eve'] } },
    'POST /v2/apps/foo/perms/': { status: 201 },
    'DELETE /v2/apps/foo/perms/e%2Fve': { status: 204 },
    'GET /v2/admin/perms/?limit=100': { json: { count: 1, results: [{ username: 'bob', is_superuser: true }] } },
    'GET /v2/admin/perms/?limit=1': { json: { count: 3, results: [{ username: 'bob', is_superuser: true }] } },
    'POST /v2/admin/perms/': { status: 201 },
    'DELETE /v2/admin/perms/eve': { status: 204 },
  })
  return { controller, home: homeOf(controller) }
}

test.each([
  [['perms', '-a', 'foo'], "=== foo's Users\nann\neve\n", 'GET /v2/apps/foo/perms/'],
  [['sharing', '-a', 'foo'], "=== foo's Users\nann\neve\n", 'GET /v2/apps/foo/perms/'],
  [['sharing:list', '-a', 'foo'], "=== foo's Users\nann\neve\n", 'GET /v2/apps/foo/perms/'],
  [['perms:list', '--admin'], '=== Administrators\nbob\n', 'GET /v2/admin/perms/?limit=100'],
  [['perms', '--admin', '-l', '1'], '=== Administrators (1 of 3)\nbob\n', 'GET /v2/admin/perms/?limit=1'],
  [
    ['perms:create', 'eve', '-a', 'foo'],
    'Adding eve to foo collaborators... done\n',
    'POST /v2/apps/foo/perms/ {"username":"eve"}',
  ],
  [
    ['sharing:add', 'eve', '--admin'],
    'Adding eve to system administrators... done\n',
    'POST /v2/admin/perms/ {"username":"eve"}',
  ],
  [
    ['sharing:remove', 'e/ve', '-a', 'foo'],
    'Removing e/ve from foo collaborators... done\n',
    'DELETE /v2/apps/foo/perms/e%2Fve',
  ],
  [
    ['perms:delete', 'eve', '--admin'],
    'Removing eve from system administrators... done\n',
    'DELETE /v2/admin/perms/eve',
  ],
])('%j', async (argv, stdout, request) => {
  const { controller, home } = await against()
  expect(await deis(argv, { home })).toMatchObject({ code: 0, stdout, stderr: '' })
  expect(controller.requests).toEqual([request])
})

test.each([
  [['perms', '--admin', '-a', 'foo'], "option '--admin' cannot be used with option '-a, --app <app>'"],
  [['perms:create', 'eve', '--admin', '-a', 'foo'], "option '--admin' cannot be used with option '-a, --app <app>'"],
  [['perms', '-a', 'foo', '-l', '5'], '--limit needs --admin: the users of an app are always listed in full.'],
  [['perms:delete'], "missing required argument 'username'"],
])('%j is refused before any request', async (argv, message) => {
  const { controller, home } = await against()
  const { code, stderr } = await deis(argv, { home })
  expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: [] })
  expect(stderr.split('\n')[0]).toBe(`Error: ${message}`)
})
