// Do the commands for settings of an app (labels, autoscale, maintenance, routing, tls) send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'

const path = '/v2/apps/foo/settings/'
const tlsPath = '/v2/apps/foo/tls/'

async function against(settings: object, tls: object = {}, more: Replies = {}) {
  const controller = await startController({
    [`GET ${path}`]: { json: settings },
    [`POST ${path}`]: { status: 201, json: settings },
    [`GET ${tlsPath}`]: { json: tls },
    [`POST ${tlsPath}`]: { status: 201, json: tls },
    ...more,
  })
  return { controller, home: homeOf(controller) }
}

describe('what is shown', () => {
  const label = { team: 'frontend', 'a-longer': 'x y', size: 3 }
  const autoscale = { worker: { min: 2, max: 4, cpu_percent: 70 }, cmd: { min: 1, max: 3, cpu_percent: 50 } }
  test.each([
    [['labels'], { label }, {}, '=== foo Label\na-longer:      x y\nsize:          3\nteam:          frontend\n'],
    [['labels:list'], { label: {} }, {}, '=== foo Label\nNo labels found.\n'],
    [['labels'], {}, {}, '=== foo Label\nNo labels found.\n'],
    [
      ['autoscale'],
      { autoscale },
      {},
      '=== foo Autoscale\n\n--- cmd:\nMin Replicas: 1\nMax Replicas: 3\nCPU: 50%\n--- worker:\nMin Replicas: 2\nMax Replicas: 4\nCPU: 70%\n',
    ],
    [['autoscale:list'], { autoscale: null }, {}, '=== foo Autoscale\n\nNo autoscale rules found.\n'],
    [['maintenance'], { maintenance: true }, {}, 'Maintenance mode is on.\n'],
    [['maintenance:info'], { maintenance: false }, {}, 'Maintenance mode is off.\n'],
    [['maintenance'], { maintenance: null }, {}, 'Maintenance mode is off.\n'],
    [['routing'], { routable: true }, {}, 'Routing is enabled.\n'],
    [['routing:info'], {}, {}, 'Routing is enabled.\n'],
    [['routing'], { routable: false }, {}, 'Routing is disabled.\n'],
    [['builder'], { builder: 'heroku/builder:26' }, {}, '=== foo Builder\nheroku/builder:26\n'],
    [['builder:info'], {}, {}, '=== foo Builder\nThe default of the platform\n'],
    [['buildpacks'], { buildpacks: ['a/b@1', 'c/d'] }, {}, '=== foo Buildpacks\na/b@1\nc/d\n'],
    [['buildpacks:list'], {}, {}, '=== foo Buildpacks\nThose of the builder that detect the app\n'],
    [['tls'], {}, { https_enforced: null }, '=== foo TLS\nHTTPS Enforced: not set\n'],
    [['tls:info'], {}, { https_enforced: true }, '=== foo TLS\nHTTPS Enforced: true\n'],
    [['tls'], {}, { https_enforced: false }, '=== foo TLS\nHTTPS Enforced: false\n'],
    [['tls'], {}, { https_enforced: null, hsts: null }, '=== foo TLS\nHTTPS Enforced: not set\n'],
    [['tls'], {}, { https_enforced: true, hsts: 60 }, '=== foo TLS\nHTTPS Enforced: true\nHSTS: max-age=60\n'],
  ])('%j of %j', async (argv, settings, tls, stdout) => {
    const { home } = await against(settings, tls)
    expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
  })
})

describe('what is changed', () => {
  test.each([
    [['builder:set', 'x/y:1'], `POST ${path} {"builder":"x/y:1"}`, 'Setting builder of foo... done\n'],
    [['builder:unset'], `POST ${path} {"builder":null}`, 'Unsetting builder of foo... done\n'],
    [
      ['buildpacks:set', 'a/b', 'c/d@1'],
      `POST ${path} {"buildpacks":["a/b","c/d@1"]}`,
      'Setting buildpacks of foo... done\n',
    ],
    [['buildpacks:unset'], `POST ${path} {"buildpacks":[]}`, 'Unsetting buildpacks of foo... done\n'],
  ])('%j, for the next push', async (argv, request, stdout) => {
    const { controller, home } = await against({ builder: 'x/y:1', buildpacks: ['a/b'] })
    expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout,
      stderr: 'It counts from the next push on; what runs is not changed.\n',
    })
    expect(controller.requests).toEqual([request])
  })

  test.each([
    [
      ['labels:set', 'team=x', 'a=b c'],
      `POST ${path} {"label":{"team":"x","a":"b c"}}`,
      'Applying labels on foo... done\n',
    ],
    [
      ['labels:unset', 'team', 'a'],
      `POST ${path} {"label":{"team":null,"a":null}}`,
      'Removing labels on foo... done\n',
    ],
    [
      ['autoscale:set', 'web', '--min=1', '--max', '5', '--cpu-percent=50'],
      `POST ${path} {"autoscale":{"web":{"min":1,"max":5,"cpu_percent":50}}}`,
      'Applying autoscale settings for process type web on foo... done\n',
    ],
    [
      ['autoscale:unset', 'web'],
      `POST ${path} {"autoscale":{"web":null}}`,
      'Removing autoscale for process type web on foo... done\n',
    ],
    [['maintenance:on'], `POST ${path} {"maintenance":true}`, 'Enabling maintenance mode for foo... done\n'],
    [['maintenance:off'], `POST ${path} {"maintenance":false}`, 'Disabling maintenance mode for foo... done\n'],
    [['routing:enable'], `POST ${path} {"routable":true}`, 'Enabling routing for foo... done\n'],
    [['routing:disable'], `POST ${path} {"routable":false}`, 'Disabling routing for foo... done\n'],
    [['tls:enable'], `POST ${tlsPath} {"https_enforced":true}`, 'Enabling https-only requests for foo... done\n'],
    [['tls:disable'], `POST ${tlsPath} {"https_enforced":false}`, 'Disabling https-only requests for foo... done\n'],
  ])('%j', async (argv, request, stdout) => {
    const { controller, home } = await against({ label: {}, autoscale: {} })
    expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
    expect(controller.requests).toEqual([request])
  })
})

describe('tls:hsts', () => {
  const kept =
    'Browsers keep it: after an answer over HTTPS they use HTTPS only for the next 63072000 seconds, even when you turn this off.\n'
  const forgotten =
    'Browsers are no longer told. Those that were told use HTTPS only until the seconds that they were told are over.\n'
  test.each([
    ['63072000', '63072000', 'Setting HSTS of foo to max-age=63072000... done\n', kept],
    ['off', 'null', 'Turning HSTS of foo off... done\n', forgotten],
    ['0', 'null', 'Turning HSTS of foo off... done\n', forgotten],
  ])('--max-age=%s says that browsers keep it', async (given, sent, stdout, stderr) => {
    const { controller, home } = await against({})
    const answer = await deis(['tls:hsts', `--max-age=${given}`, '-a', 'foo'], { home })
    expect(answer).toMatchObject({ code: 0, stdout, stderr })
    expect(controller.requests).toEqual([`POST ${tlsPath} {"hsts":${sent}}`])
  })
})

test.each(['-1', '1.5', '1e3', '63072001', '9'.repeat(400), 'on', ''])(
  'tls:hsts --max-age=%s is refused',
  async (text) => {
    const { controller, home } = await against({})
    const { code, stderr } = await deis(['tls:hsts', `--max-age=${text}`, '-a', 'foo'], { home })
    expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: [] })
    expect(stderr).toContain(`argument '${text}' is invalid. It must be off, or seconds from 0 to 63072000.`)
  },
)

test.each([
  [['tls:hsts'], "required option '--max-age <seconds>' not specified"],
  [['labels:set', 'team'], 'team is invalid'],
  [['labels:set', 'team='], 'team= is invalid'],
  [['labels:set', 'a=b=c'], 'a=b=c is invalid'],
  [['autoscale:set', 'web', '--min=1', '--max=2'], "required option '--cpu-percent <num>' not specified"],
  [
    ['autoscale:set', 'web', '--min=x', '--max=2', '--cpu-percent=1'],
    "option '--min <num>' argument 'x' is invalid. It must be a whole number.",
  ],
])('%j is refused before any request', async (argv, message) => {
  const { controller, home } = await against({})
  const { code, stderr } = await deis([...argv, '-a', 'foo'], { home })
  expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: [] })
  expect(stderr.split('\n')[0]).toBe(`Error: ${message}`)
})

test('the error of the controller for an unknown label is shown', async () => {
  const detail = 'team does not exist under label'
  const { home } = await against({}, {}, { [`POST ${path}`]: { status: 422, json: { detail } } })
  expect(await deis(['labels:unset', 'team', '-a', 'foo'], { home })).toMatchObject({
    code: 1,
    stderr: `Error: Unable to process your request: ${detail}\n`,
  })
})

test.each([
  [['labels:set', 'team=x'], { label: { team: 'x' } }, { team: 'x' }],
  [['autoscale'], { autoscale: null }, {}],
  [['maintenance:on'], { maintenance: true, uuid: 'u' }, { maintenance: true }],
  [['routing'], { uuid: 'u' }, { routable: true }],
])('%j --json', async (argv, settings, json) => {
  const { home } = await against(settings)
  expect(JSON.parse((await deis([...argv, '-a', 'foo', '--json'], { home })).stdout)).toEqual(json)
})

describe('help of topics that run :info', () => {
  test.each(['maintenance', 'routing', 'tls'])('%s', async (topic) => {
    const { code, stdout } = await deis(['help', topic])
    expect(code).toBe(0)
    expect(stdout).toContain(`${topic}:info`)
  })
})
