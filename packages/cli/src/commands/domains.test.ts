// Do the commands for domains and on the whitelist send, print and exit as in the contract?
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Replies, startController } from '../testbed.ts'

async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller) }
}

describe('domains', () => {
  const list = 'GET /v2/apps/foo/domains/?limit='
  const results = [{ domain: '*.example.com' }, { domain: 'foo' }]

  test.each([
    [['domains'], { [`${list}100`]: { json: { count: 2, results } } }, '=== foo Domains\n*.example.com\nfoo\n'],
    [
      ['domains:list', '-l', '2'],
      { [`${list}2`]: { json: { count: 5, results } } },
      '=== foo Domains (2 of 5)\n*.example.com\nfoo\n',
    ],
    [
      ['domains:add', 'bücher.example'],
      { 'POST /v2/apps/foo/domains/': { status: 201, json: { domain: 'xn--bcher-kva.example' } } },
      'Adding bücher.example to foo... done\n',
    ],
    [
      ['domains:remove', '*.example.com'],
      { 'DELETE /v2/apps/foo/domains/*.example.com': { status: 204 } },
      'Removing *.example.com from foo... done\n',
    ],
    [
      ['domains:remove', 'bücher.example'],
      { 'DELETE /v2/apps/foo/domains/b%C3%BCcher.example': { status: 204 } },
      'Removing bücher.example from foo... done\n',
    ],
  ])('%j', async (argv, replies, stdout) => {
    const { home } = await against(replies)
    expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
  })

  test('a domain that is taken', async () => {
    const taken = 'Domain is already in use by another application'
    const { home, controller } = await against({
      'POST /v2/apps/foo/domains/': { status: 400, json: { domain: [taken] } },
    })
    expect(await deis(['domains:add', 'x.example', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stdout: 'Adding x.example to foo... \n',
      stderr: `Error: ${taken}\n`,
    })
    expect(controller.requests).toEqual(['POST /v2/apps/foo/domains/ {"domain":"x.example"}'])
  })
})

describe('whitelist', () => {
  const path = '/v2/apps/foo/whitelist/'
  const addresses = ['1.2.3.4', '2001:db8::/32']

  test.each([
    [
      ['whitelist'],
      { [`GET ${path}`]: { json: { addresses } } },
      '=== foo Whitelisted Addresses\n1.2.3.4\n2001:db8::/32\n',
      `GET ${path}`,
    ],
    [
      ['whitelist:add', '1.2.3.4,2001:db8::/32'],
      { [`POST ${path}`]: { status: 201, json: { addresses } } },
      'Adding 1.2.3.4,2001:db8::/32 to the whitelist of foo...\ndone\n',
      `POST ${path} {"addresses":["1.2.3.4","2001:db8::/32"]}`,
    ],
    [
      ['whitelist:remove', '1.2.3.4, '],
      { [`DELETE ${path}`]: { status: 204 } },
      'Removing 1.2.3.4 from the whitelist of foo...\ndone\n',
      `DELETE ${path} {"addresses":["1.2.3.4"]}`,
    ],
  ])('%j', async (argv, replies, stdout, request) => {
    const { home, controller } = await against(replies)
    expect(await deis([...argv, '-a', 'foo'], { home })).toMatchObject({ code: 0, stdout, stderr: '' })
    expect(controller.requests).toEqual([request])
  })

  test('an empty text is not an address', async () => {
    const { home, controller } = await against({})
    expect(await deis(['whitelist:add', ' , ', '-a', 'foo'], { home })).toMatchObject({ code: 1, stdout: '' })
    expect(controller.requests).toEqual([])
  })

  test('an error that is a list is shown as text', async () => {
    const { home } = await against({ [`POST ${path}`]: { status: 400, json: ['The address x is not valid'] } })
    expect(await deis(['whitelist:add', 'x', '-a', 'foo'], { home })).toMatchObject({
      code: 1,
      stderr: 'Error: The address x is not valid\n',
    })
  })
})

test.each([
  [
    ['whitelist:remove', '10.0.0.1', '10.0.0.2,::1', '-a', 'foo'],
    ['DELETE /v2/apps/foo/whitelist/ {"addresses":["10.0.0.1","10.0.0.2","::1"]}'],
  ],
  [
    ['whitelist:add', '10.0.0.1', '::1', '-a', 'foo'],
    ['POST /v2/apps/foo/whitelist/ {"addresses":["10.0.0.1","::1"]}'],
  ],
  [
    ['domains:remove', 'a.test', 'b.test', '-a', 'foo'],
    ['DELETE /v2/apps/foo/domains/a.test', 'DELETE /v2/apps/foo/domains/b.test'],
  ],
  [
    ['keys:remove', 'a', 'b'],
    ['DELETE /v2/keys/a', 'DELETE /v2/keys/b'],
  ],
  [
    ['certs:remove', 'a', 'b'],
    ['DELETE /v2/certs/a', 'DELETE /v2/certs/b'],
  ],
  [
    ['perms:create', 'a', 'b', '-a', 'foo'],
    ['POST /v2/apps/foo/perms/ {"username":"a"}', 'POST /v2/apps/foo/perms/ {"username":"b"}'],
  ],
  [
    ['perms:delete', 'a', 'b', '-a', 'foo'],
    ['DELETE /v2/apps/foo/perms/a', 'DELETE /v2/apps/foo/perms/b'],
  ],
  [
    ['autoscale:unset', 'web', 'job', '-a', 'foo'],
    ['POST /v2/apps/foo/settings/ {"autoscale":{"web":null,"job":null}}'],
  ],
])('%j is about all of them', async (argv, requests) => {
  const replies = Object.fromEntries(
    requests.map((request) => [request.replace(/ \{.*$/, ''), { json: { addresses: [] } }]),
  )
  const controller = await startController(replies)
  expect(await deis(argv, { home: homeOf(controller) })).toMatchObject({ code: 0, stderr: '' })
  expect(controller.requests).toEqual(requests)
})
