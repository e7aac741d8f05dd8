// Do the commands for processes send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'
import { parseTargets } from './ps.ts'

const pod = (type: string, name: string) => ({
  name: `foo-${type}-v2-${name}`,
  type,
  state: 'up',
  release: 'v2',
  started: 'x',
})
const pods = [pod('worker', 'bbbbb'), pod('my-web', 'zzzzz'), pod('my-web', 'aaaaa')]
const listing = `=== foo Processes
--- my-web:
foo-my-web-v2-aaaaa up (v2)
foo-my-web-v2-zzzzz up (v2)
--- worker:
foo-worker-v2-bbbbb up (v2)
`

async function against(replies: Replies) {
  const controller = await startController({
    'GET /v2/apps/foo/pods/?limit=1000': { json: { count: 3, results: pods } },
    'GET /v2/apps/foo/pods/?limit=1000&one_off=1': { json: { count: 3, results: pods } },
    ...replies,
  })
  return { controller, home: homeOf(controller) }
}

test('ps:list', async () => {
  const { home } = await against({})
  expect(await deis(['ps', '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout: listing })
})

describe('ps:scale', () => {
  const scaled: Replies = {
    'POST /v2/apps/foo/scale/': { status: 204 },
    'GET /v2/apps/foo/pods/?limit=100': { json: { count: 3, results: pods } },
  }

  test.each([
    [{}, 'coffee'],
    [{ DEIS_DRINK_OF_CHOICE: 'tea' }, 'tea'],
  ])('with %j takes its time for a %s', async (env, drink) => {
    const { home, controller } = await against(scaled)
    expect(
      await deis(['scale', 'my-web=2', 'worker=1', '-a', 'foo'], { home, env, clock: [1000, 4999] }),
    ).toMatchObject({
      code: 0,
      stdout: `Scaling processes... but first, ${drink}!\ndone in 3s\n${listing}`,
      stderr: '',
    })
    expect(controller.requests[0]).toBe('POST /v2/apps/foo/scale/ {"my-web":2,"worker":1}')
  })

  test('the error for an unknown type is shown', async () => {
    const detail = 'Container type x does not exist in application'
    const { home } = await against({ 'POST /v2/apps/foo/scale/': { status: 404, json: { detail } } })
    expect(await deis(['scale', 'x=1', '-a', 'foo'], { home })).toMatchObject({ code: 1, stderr: `Error: ${detail}\n` })
  })

  test.each(['web', 'web=', 'web=-1', 'web=x', '_web=1', 'web--a=1', '=1', 'web=1.5', 'web=99999999999999999999'])(
    '%j is refused before any request',
    async (word) => {
      const { home, controller } = await against(scaled)
      expect(await deis(['scale', word, '-a', 'foo'], { home })).toMatchObject({
        code: 1,
        stdout: '',
        stderr: `Error: "${word}" is not a process type with a count.\nIt looks like web=2.\n`,
      })
      expect(controller.requests).toEqual([])
    },
  )

  test('a type has one count', () => {
    expect(() => parseTargets(['web=1', 'web=2'])).toThrow('The process type "web" is given twice.')
  })
})

describe('ps:restart', () => {
  const banner = 'Restarting processes... but first, coffee!\n'

  test.each([
    ['all', [], 'pods/restart/', 0],
    ['a type', ['worker'], 'pods/worker/restart/', 0],
    ['a type with a hyphen', ['my-web'], 'pods/my-web/restart/', 1],
    ['a pod', ['foo-my-web-v2-aaaaa'], 'pods/my-web/foo-my-web-v2-aaaaa/restart/', 1],
    ['a pod by the end of its name', ['my-web-v2-aaaaa'], 'pods/my-web/foo-my-web-v2-aaaaa/restart/', 1],
  ])('%s', async (_, words, path, lookUps) => {
    const { home, controller } = await against({ [`POST /v2/apps/foo/${path}`]: { json: pods } })
    expect(await deis(['ps:restart', ...words, '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: `${banner}done in 0s\n${listing}`,
    })
    expect(controller.requests.slice(lookUps)).toEqual([`POST /v2/apps/foo/${path}`])
  })

  test('nothing to restart is not an error', async () => {
    const app = { uuid: 'x', id: 'foo', owner: 'u', structure: { cmd: 0 }, created: 'x', updated: 'x' }
    const { home } = await against({
      'POST /v2/apps/foo/pods/cmd/restart/': { json: [] },
      'POST /v2/apps/foo/pods/web/restart/': { json: [] },
      'GET /v2/apps/foo/': { json: { ...app, procfile_structure: { web: 'node .' } } },
    })
    for (const type of ['cmd', 'web'])
      expect(await deis(['ps:restart', type, '-a', 'foo'], { home })).toMatchObject({
        code: 0,
        stdout: `${banner}Could not find any processes to restart\n`,
      })
  })

  test('what is neither a process nor a process type is one', async () => {
    const app = { uuid: 'x', id: 'foo', owner: 'u', structure: { web: 1, cmd: 0 }, created: 'x', updated: 'x' }
    const { home } = await against({
      'POST /v2/apps/foo/pods/frob/restart/': { json: [] },
      'GET /v2/apps/foo/': { json: app },
    })
    expect(await deis(['ps:restart', 'frob', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout: `${banner}Could not find any processes to restart\n`,
      stderr: 'Error: "foo" has no process and no process type "frob".\nIts process types: cmd, web.\n',
    })
  })
})

describe('one-off processes', () => {
  test('have their own heading', async () => {
    const { home } = await against({
      'GET /v2/apps/foo/pods/?limit=1000&one_off=1': {
        json: {
          count: 2,
          results: [
            { name: 'foo-web-1-aaaaa', type: 'web', state: 'up', release: 'v3', started: 'x' },
            { name: 'foo-run-bbbbb', type: 'run', state: 'up', release: 'v2', started: 'x' },
          ],
        },
      },
    })
    expect(await deis(['ps', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: '=== foo Processes\n--- run:\nfoo-run-bbbbb up (v2)\n--- web:\nfoo-web-1-aaaaa up (v3)\n',
    })
  })

  test('are stopped one after the other, up to the first that is not', async () => {
    const { home, controller } = await against({
      'POST /v2/apps/foo/pods/run/foo-run-a/stop/': { status: 204 },
      'POST /v2/apps/foo/pods/run/foo-run-b/stop/': { status: 404, json: { detail: 'foo has no process foo-run-b.' } },
    })
    expect(await deis(['ps:stop', 'foo-run-a', 'foo-run-b', 'foo-run-c', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout: 'Stopping foo-run-a... done\nStopping foo-run-b... \n',
      stderr: 'Error: foo has no process foo-run-b.\n',
    })
    expect(controller.requests).toHaveLength(2)
  })
})

test('ps:start says the name, and how to go on', async () => {
  const started = { name: 'foo-run-abcde', release: 'v2' }
  const controller = await startController({ 'POST /v2/apps/foo/run/detached/': { status: 201, json: started } })
  const home = homeOf(controller)
  expect(await deis(['run:detached', '-a', 'foo', '--', 'sh', '-c', 'exit 1'], { home })).toMatchObject({
    code: 0,
    stdout: "Starting 'sh -c 'exit 1''... done, foo-run-abcde\n",
    stderr: 'Its output: deis logs --follow --ptype run -a foo\nTo stop it: deis ps:stop foo-run-abcde -a foo\n',
  })
  expect(controller.requests).toEqual([`POST /v2/apps/foo/run/detached/ {"command":"sh -c 'exit 1'"}`])
  const json = await deis(['ps:start', 'ls', '-a', 'foo', '--json'], { home })
  expect(JSON.parse(json.stdout)).toEqual(started)
  expect(await deis(['ps:start', '-a', 'foo'], { home })).toMatchObject({ code: 1, stdout: '' })
})
