// Do the commands for tags and registry send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Reply, startController } from '../testbed.ts'

const path = '/v2/apps/foo/config/'

async function against(config: object, reply: Reply = { status: 201, json: config }) {
  const controller = await startController({ [`GET ${path}`]: { json: config }, [`POST ${path}`]: reply })
  return { controller, home: homeOf(controller) }
}

const tags = { disk: 'ssd', rack: '1' }
const registry = { password: 's3cret', username: 'bob' }
const tagLines = '=== foo Tags\ndisk     ssd\nrack     1\n'
const registryLines = '=== foo Registry\npassword     ********\nusername     bob\n'

test.each([
  [['tags'], tagLines, []],
  [['tags:list'], tagLines, []],
  [['tags:set', 'rack=1', 'disk='], `Applying tags... done\n\n${tagLines}`, ['{"tags":{"rack":"1","disk":""}}']],
  [['tags:unset', 'a', 'b'], `Removing tags... done\n\n${tagLines}`, ['{"tags":{"a":null,"b":null}}']],
  [['registry'], registryLines, []],
  [
    ['registry:set', 'username=bob', 'password=a=b '],
    `Applying registry information... done\n\n${registryLines}`,
    ['{"registry":{"username":"bob","password":"a=b "}}'],
  ],
  [
    ['registry:unset', 'username'],
    `Removing registry information... done\n\n${registryLines}`,
    ['{"registry":{"username":null}}'],
  ],
])('%j', async (argv, stdout, bodies) => {
  const { controller, home } = await against({ tags, registry })
  expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
  // The answer to a change has what is shown.
  expect(controller.requests).toEqual(
    bodies.length > 0 ? bodies.map((body) => `POST ${path} ${body}`) : [`GET ${path}`],
  )
})

test('an empty map has a heading only', async () => {
  const { home } = await against({ tags: {} })
  expect(await deis(['tags', '-a', 'foo'], { home })).toMatchObject({ stdout: '=== foo Tags\n' })
})

test('with --json it is the map', async () => {
  const { home } = await against({ tags, values: { A: '1' } })
  const { stdout } = await deis(['tags:set', 'rack=1', '-a', 'foo', '--json'], { home })
  expect(JSON.parse(stdout)).toEqual(tags)
})

describe('refused before any request', () => {
  test.each([
    [['tags:set', 'rack'], 'rack is invalid'],
    [['tags:set', '=1'], '=1 is invalid'],
    [['tags:set', 'a=b=c'], 'a=b=c is invalid'],
    [['tags:set', 'a=1', 'a=2'], '"a" is given twice.'],
    [['registry:set', 'host=x'], 'host=x is invalid'],
    [['registry:set', 'username='], 'username= is invalid'],
    [['registry:set', '__proto__=x'], '__proto__=x is invalid'],
  ])('%j', async (argv, message) => {
    const { controller, home } = await against({})
    const { code, stdout, stderr } = await deis([...argv, '-a', 'foo'], { home })
    expect({ code, stdout, requests: controller.requests }).toEqual({ code: 1, stdout: '', requests: [] })
    expect(stderr).toContain(`Error: ${message}\n`)
  })
})

test('the error of the controller is shown', async () => {
  const detail = 'No nodes matched the provided labels: rack=9'
  const { home } = await against({}, { status: 400, json: { detail } })
  expect(await deis(['tags:set', 'rack=9', '-a', 'foo'], { home })).toMatchObject({
    code: 1,
    stdout: 'Applying tags... \n',
    stderr: `Error: ${detail}\n`,
  })
})
