// Does `deis rebase` send, print and exit as in the contract?
import { expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'

const answer = (rebased: boolean, version = 3) => ({
  rebased,
  version,
  build: 'u1',
  run_image: 'heroku/heroku:24',
  run_reference: 'heroku/heroku@sha256:b',
})
const run = async (replies: Replies, ...args: string[]) => {
  const controller = await startController(replies)
  const { code, stdout, stderr } = await deis(['rebase', ...args], { home: homeOf(controller) })
  return { code, stdout, stderr, requests: controller.requests }
}

test.each([
  [[], '{}', true, 'Rebasing foo... done, v3\nfoo: v3 runs on heroku/heroku@sha256:b\n'],
  [
    ['--run-image', 'x/y:1'],
    '{"run_image":"x/y:1"}',
    true,
    'Rebasing foo... done, v3\nfoo: v3 runs on heroku/heroku@sha256:b\n',
  ],
  [[], '{}', false, 'Rebasing foo... nothing to do\nfoo: on the newest run image already\n'],
])('of an app, with %j', async (flags, body, rebased, stdout) => {
  const replies = { 'POST /v2/apps/foo/rebase/': { json: answer(rebased) } }
  expect(await run(replies, '-a', 'foo', ...flags)).toEqual({
    code: 0,
    stdout,
    stderr: '',
    requests: [`POST /v2/apps/foo/rebase/ ${body}`],
  })
})

test('a refusal is an error', async () => {
  const { code, stderr } = await run(
    { 'POST /v2/apps/foo/rebase/': { status: 422, json: { detail: 'It was built otherwise.' } } },
    '-a',
    'foo',
  )
  expect([code, stderr]).toEqual([1, expect.stringContaining('It was built otherwise.')])
})

test.each([
  ['--all', '-a', 'foo'],
  ['--all', '--run-image', 'x'],
])('%s cannot be combined with %s', async (...args) => {
  const { code, stderr, requests } = await run({}, ...args)
  expect([code, stderr, requests]).toEqual([1, expect.stringContaining('cannot be combined'), []])
})

const user = (is_superuser: boolean) => ({ json: { username: 'ann', is_superuser } })

test('of all apps, each with its outcome', async () => {
  const apps = (ids: string[], next: string | null) => ({
    json: { count: 5, next, previous: null, results: ids.map((id) => ({ id })) },
  })
  const { code, stdout, stderr } = await run(
    {
      'GET /v2/auth/whoami/': user(true),
      'GET /v2/apps/?limit=100&offset=0': apps(['new', 'same', 'image'], 'http://x/v2/apps/?offset=3'),
      'GET /v2/apps/?limit=100&offset=3': apps(['other', 'gone'], null),
      'POST /v2/apps/new/rebase/': { json: answer(true, 7) },
      'POST /v2/apps/same/rebase/': { json: answer(false) },
      'POST /v2/apps/image/rebase/': { status: 422, json: { detail: 'not by these' } },
      'POST /v2/apps/other/rebase/': { status: 409, json: { detail: 'It cannot run on it.' } },
      'POST /v2/apps/gone/rebase/': { status: 404, json: 'No App matches the given query.' },
    },
    '--all',
  )
  expect(stdout).toBe(
    'new: v7 runs on heroku/heroku@sha256:b\nsame: on the newest run image already\n1 rebased, 1 current, 2 not built by Cloud Native Buildpacks, 1 failed\n',
  )
  expect(stderr).toBe('other: It cannot run on it.\n')
  expect(code).toBe(1)
})

test('of all apps only by an admin', async () => {
  const { code, stderr, requests } = await run({ 'GET /v2/auth/whoami/': user(false) }, '--all')
  expect([code, requests.length]).toEqual([1, 1])
  expect(stderr).toContain('Only admins can change the run images of all apps.')
})
