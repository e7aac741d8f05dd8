// Does `deis login --browser` show the page, and wait for it?
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { deis, type Outcome, type Reply, startController, temporaryFolder } from '../testbed.ts'

const page = 'http://deis.example.com/v2/auth/device/verify?code=BCDF-GHJK'
const begun = {
  device_code: 'd',
  user_code: 'BCDF-GHJK',
  verification_uri: 'http://deis.example.com/v2/auth/device/verify',
  verification_uri_complete: page,
  expires_in: 600,
  interval: 1,
}
const done: Reply = { json: { token: 'the-token', username: 'ann' } }
const refused = (error: string): Reply => ({ status: 400, json: { error } })

async function login(
  replies: readonly Reply[],
  more: Partial<typeof begun> = {},
): Promise<Outcome & { home: string; requests: string[] }> {
  const rest = [...replies]
  const controller = await startController({
    'GET /v2/': { status: 401, json: {} },
    'POST /v2/auth/device/': { json: { ...begun, ...more } },
    get 'POST /v2/auth/device/token/'() {
      return rest.length > 1 ? rest.shift()! : rest[0]!
    },
  })
  const home = temporaryFolder()
  const outcome = await deis(['login', controller.url, '--browser'], { home })
  return { ...outcome, home, requests: controller.requests }
}

test('the page and its code are shown, and the profile is written when it is done', async () => {
  const { code, stdout, stderr, home, requests } = await login([
    refused('authorization_pending'),
    { status: 503 },
    done,
  ])
  expect({ code, stderr: stderr.replace(/Note: the original.*\n/, '') }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe(
    `Log in on this page, which must show the code BCDF-GHJK:\n  ${page}\nWaiting for the login...\nLogged in as ann\nClient configuration written to ${home}/.deis/client.json\n`,
  )
  expect(JSON.parse(readFileSync(join(home, '.deis/client.json'), 'utf8'))).toMatchObject({
    username: 'ann',
    token: 'the-token',
  })
  expect(requests.slice(1).map((request) => request.split(' ').slice(0, 2).join(' '))).toEqual([
    'POST /v2/auth/device/',
    'POST /v2/auth/device/token/',
    'POST /v2/auth/device/token/',
    'POST /v2/auth/device/token/',
  ])
  expect(requests[2]).toContain('{"device_code":"d"}')
})

describe('it ends without a login', () => {
  test.each([
    ['access_denied', {}, 'The login was denied, so nothing was changed.'],
    ['expired_token', {}, 'The code has expired before a login, so nothing was changed.'],
    ['authorization_pending', { expires_in: 1 }, 'The code has expired before a login, so nothing was changed.'],
    ['something else', {}, 'error: something else'],
  ])('%s', async (error, more, message) => {
    const { code, stderr } = await login([refused(error)], more)
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({ code: 1, stderr: `Error: ${message}` })
  })

  test.each(['file:///etc/passwd', '--help', 'http://a b', 'javascript:x', `http://a/${'x'.repeat(600)}`])(
    'with the page %s',
    async (address) => {
      const { code, stderr } = await login([done], { verification_uri_complete: address })
      expect({ code, stderr: stderr.split('\n')[0] }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is not an address that a browser can open.') as string,
      })
    },
  )

  test('with a name or a password', async () => {
    for (const more of ['--username=ann', '--password=x'])
      expect(await deis(['login', 'http://a.com', '--browser', more])).toMatchObject({
        code: 1,
        stderr: 'Error: --browser cannot be combined with --username or --password.\n',
      })
  })
})
