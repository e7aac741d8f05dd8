// Does `--json` print one JSON value of the contract on stdout, and everything else on stderr?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'

async function answered(argv: readonly string[], replies: Replies, world: object = {}) {
  const home = homeOf(await startController(replies))
  const { code, stdout, stderr } = await deis(argv, { home, ...world })
  return { code, json: JSON.parse(stdout) as unknown, stderr }
}

const page = { count: 2, next: null, previous: null, results: [{ id: 'foo' }] }
const pods = { count: 1, results: [{ name: 'foo-web-1', type: 'web', state: 'up', release: 'v2', started: 'x' }] }

describe('--json', () => {
  test('prints the answer of the controller', async () => {
    const replies = { 'GET /v2/apps/?limit=100': { json: page } }
    expect(await answered(['apps', '--json'], replies)).toEqual({ code: 0, json: page, stderr: '' })
  })

  test('can be abbreviated as every long option', async () => {
    const replies = { 'GET /v2/apps/?limit=100': { json: page } }
    expect(await answered(['apps', '--js'], replies)).toMatchObject({ json: page })
  })

  test('prints progress on stderr, without a spinner', async () => {
    const replies = {
      'POST /v2/apps/foo/scale/': { status: 204 },
      'GET /v2/apps/foo/pods/?limit=100': { json: pods },
    }
    const argv = ['scale', 'web=1', '-a', 'foo', '--json']
    expect(await answered(argv, replies, { stdoutIsTty: true })).toEqual({
      code: 0,
      json: pods,
      stderr: 'Scaling processes... but first, coffee!\ndone in 0s\n',
    })
  })

  test('prints null for a command without an answer', async () => {
    const replies = { 'DELETE /v2/apps/foo/': { status: 204 } }
    const argv = ['destroy', '-a', 'foo', '--confirm=foo', '--json']
    expect(await answered(argv, replies)).toMatchObject({ code: 0, json: null })
  })

  test('of a one-off command has its output and its exit code', async () => {
    const result = { exit_code: 3, output: 'no\n' }
    const replies = { 'POST /v2/apps/foo/run': { json: result } }
    const argv = ['run', '-a', 'foo', '--json', '--', 'ls', '--json']
    expect(await answered(argv, replies)).toEqual({ code: 3, json: result, stderr: "Running 'ls --json'...\n" })
  })

  test('of variables is the map', async () => {
    const replies = { 'GET /v2/apps/foo/config/': { json: { values: { B: '1', A: 'two\nlines' } } } }
    for (const argv of [['config'], ['config:pull'], ['config', '--oneline']])
      expect(await answered([...argv, '-a', 'foo', '--json'], replies, { stdoutIsDevice: true })).toMatchObject({
        json: { B: '1', A: 'two\nlines' },
      })
  })

  test('of whoami, versions and shortcuts needs no controller', async () => {
    expect(await answered(['whoami', '--json'], {})).toMatchObject({ json: { username: 'bob' } })
    expect(await answered(['version', '--json'], {})).toMatchObject({ json: { client: expect.any(String) as string } })
    expect(await answered(['shortcuts', '--json'], {})).toMatchObject({ json: { create: 'apps:create' } })
  })

  test('prints nothing on stdout when the command fails', async () => {
    const home = homeOf(await startController({ 'GET /v2/apps/?limit=100': { status: 500 } }))
    expect(await deis(['apps', '--json'], { home })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Error: Internal Server Error\n',
    })
  })
})
