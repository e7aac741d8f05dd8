// Do the commands for limits send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, startController } from '../testbed.ts'

const path = '/v2/apps/foo/config/'

async function against(config: object) {
  const controller = await startController({
    [`GET ${path}`]: { json: config },
    [`POST ${path}`]: { status: 201, json: config },
  })
  return { controller, home: homeOf(controller) }
}

const listing = '=== foo Limits\n\n--- Memory\ncmd     64M\n\n--- CPU\nUnlimited\n'

test.each([
  [['limits'], listing, []],
  [['limits:list'], listing, []],
  [['limits:set', 'cmd=64M'], `Applying limits... done\n\n${listing}`, ['{"memory":{"cmd":"64M"}}']],
  [
    ['limits:set', '-m', 'my-web=1gb/2G', 'cmd=0/100MB'],
    `Applying limits... done\n\n${listing}`,
    ['{"memory":{"my-web":"1gb/2G","cmd":"0/100MB"}}'],
  ],
  [
    ['limits:set', 'celery_beat=64M', 'CeleryBeat=1G'],
    `Applying limits... done\n\n${listing}`,
    ['{"memory":{"celery_beat":"64M","CeleryBeat":"1G"}}'],
  ],
  [['limits:unset', 'celery_beat'], `Removing limits... done\n\n${listing}`, ['{"memory":{"celery_beat":null}}']],
  [['limits:set', '--cpu', 'cmd=0.5m/1'], `Applying limits... done\n\n${listing}`, ['{"cpu":{"cmd":"0.5m/1"}}']],
  [['limits:set', '--cpu', '-m', 'cmd=500m'], `Applying limits... done\n\n${listing}`, ['{"cpu":{"cmd":"500m"}}']],
  [['limits:unset', 'a', 'b'], `Removing limits... done\n\n${listing}`, ['{"memory":{"a":null,"b":null}}']],
  [['limits:unset', '--cpu', 'cmd'], `Removing limits... done\n\n${listing}`, ['{"cpu":{"cmd":null}}']],
])('%j', async (argv, stdout, bodies) => {
  const { controller, home } = await against({ memory: { cmd: '64M' }, cpu: {} })
  expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
  // The answer to a change has what is shown.
  expect(controller.requests).toEqual(
    bodies.length > 0 ? bodies.map((body) => `POST ${path} ${body}`) : [`GET ${path}`],
  )
})

test('with --json', async () => {
  const { home } = await against({ memory: { cmd: '64M' }, cpu: {}, values: {} })
  const { stdout } = await deis(['limits', '-a', 'foo', '--json'], { home })
  expect(JSON.parse(stdout)).toEqual({ memory: { cmd: '64M' }, cpu: {} })
})

describe('refused before any request', () => {
  test.each(['cmd', 'cmd=', 'cmd=1Z', '_cmd=1G', 'cmd=1G/', 'cmd=1G/2G/3G', 'a--b=1G', 'cmd=-1', '=1G', 'cmd=1MGB'])(
    'limits:set %j',
    async (word) => {
      const { controller, home } = await against({})
      const { code, stderr } = await deis(['limits:set', word, '-a', 'foo'], { home })
      expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: [] })
      expect(stderr).toContain(`Error: ${word} is invalid\n`)
    },
  )

  test('limits:unset of both kinds', async () => {
    const { controller, home } = await against({})
    expect(await deis(['limits:unset', '--memory', '--cpu', 'cmd', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr:
        "Error: option '-m, --memory' cannot be used with option '--cpu'\nUsage: deis limits:unset [options] <type...>\n",
    })
    expect(controller.requests).toEqual([])
  })
})
