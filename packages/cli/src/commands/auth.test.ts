// Do accounts and logging in work, and are tokens and passwords stored safely?
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { registrationTokenMessages } from '@deis/types'
import { deis, homeOf, type Replies, startController, temporaryFolder } from '../testbed.ts'

const user = {
  username: 'bob',
  email: 'bob@example.com',
  first_name: '',
  last_name: '',
  is_superuser: true,
  is_staff: false,
  is_active: true,
  groups: [],
  user_permissions: [],
  last_login: null,
  date_joined: '2026-01-02T03:04:05Z',
}
const open: Replies = {
  'GET /v2/': { status: 401 },
  'POST /v2/auth/register/': { status: 201, json: user },
  'POST /v2/auth/login/': { json: { token: 'fresh' } },
}
const profileIn = (home: string): unknown => JSON.parse(readFileSync(join(home, '.deis', 'client.json'), 'utf8'))

describe('auth:login', () => {
  test('checks the controller, exchanges the password and keeps the token', async () => {
    const controller = await startController(open)
    const home = temporaryFolder()
    const url = controller.url.replace('http://', 'HTTP://')
    expect(await deis(['login', `${url}/`, '--username=bob', '--password', '-secret'], { home })).toMatchObject({
      code: 0,
      stdout: `Logged in as bob\nClient configuration written to ${home}/.deis/client.json\n`,
      stderr: '',
    })
    expect(controller.requests).toEqual(['GET /v2/', 'POST /v2/auth/login/ {"username":"bob","password":"-secret"}'])
    expect(controller.headers[0]).not.toHaveProperty('authorization')
    expect(profileIn(home)).toEqual({
      username: 'bob',
      ssl_verify: true,
      controller: `${controller.url}/`,
      token: 'fresh',
      response_limit: 0,
    })
  })

  test('keeps response_limit and unknown keys of the profile, in the one that was asked for', async () => {
    const controller = await startController(open)
    const home = homeOf(controller, { response_limit: 7, workspace: 'w' })
    await deis(['login', controller.url, '--username=eve', '--password=p', '--ssl-verify=false'], { home })
    expect(profileIn(home)).toMatchObject({ username: 'eve', ssl_verify: false, response_limit: 7, workspace: 'w' })
    await deis(['login', controller.url, '--username=joe', '--password=p', '--config', 'other'], { home })
    expect(profileIn(home)).toMatchObject({ username: 'eve' })
    expect(existsSync(join(home, '.deis', 'other.json'))).toBe(true)
  })

  test('replaces a profile that cannot be read', async () => {
    const controller = await startController(open)
    const home = temporaryFolder()
    mkdirSync(join(home, '.deis'))
    writeFileSync(join(home, '.deis', 'client.json'), '{')
    expect(await deis(['login', controller.url, '--username=bob', '--password=p'], { home })).toMatchObject({ code: 0 })
    expect(profileIn(home)).toMatchObject({ token: 'fresh' })
  })

  test('asks for what is missing, after the check', async () => {
    const controller = await startController(open)
    const { code, asked } = await deis(['login', controller.url], { answers: ['bob', 'secret'] })
    expect({ code, asked }).toEqual({ code: 0, asked: ['username: ', 'password: '] })
    expect(controller.requests[1]).toBe('POST /v2/auth/login/ {"username":"bob","password":"secret"}')
  })

  test('without a terminal names the flag to pass', async () => {
    const controller = await startController(open)
    expect(await deis(['login', controller.url], { stdin: 'bob\n' })).toMatchObject({
      code: 1,
      stderr: 'Error: No username given, and stdin is not a terminal.\nUse --username.\n',
    })
    expect(await deis(['login', controller.url, '--username=bob'])).toMatchObject({
      code: 1,
      stderr: 'Error: No password given, and stdin is not a terminal.\nUse --password.\n',
    })
  })

  test.each([
    ['another status', { status: 200, json: {} }, 200],
    ['no API version', { status: 401, headers: { DEIS_API_VERSION: '' } }, 401],
  ])('%s is not a controller', async (_, reply, status) => {
    const controller = await startController({ ...open, 'GET /v2/': reply })
    const { code, stderr } = await deis(['login', controller.url, '--username=b', '--password=p'])
    expect({ code, requests: controller.requests }).toEqual({ code: 1, requests: ['GET /v2/'] })
    expect(stderr).toContain(`Error: ${controller.url} is not a Deis controller.\n`)
    expect(stderr).toContain(`GET ${controller.url}/v2/ answered ${status}`)
  })

  test('a wrong password is an error, and changes nothing', async () => {
    const reply = { status: 400, json: { non_field_errors: ['Unable to log in with provided credentials.'] } }
    const controller = await startController({ ...open, 'POST /v2/auth/login/': reply })
    const home = homeOf(controller)
    expect(await deis(['login', controller.url, '--username=b', '--password=p'], { home })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Error: Unable to log in with provided credentials.\n',
    })
    expect(profileIn(home)).toMatchObject({ username: 'bob' })
  })

  test('fails if the profile cannot be saved', async () => {
    const controller = await startController(open)
    const home = temporaryFolder()
    writeFileSync(join(home, '.deis'), 'a file')
    const { code, stdout, stderr } = await deis(['login', controller.url, '--username=b', '--password=p'], { home })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^Error: mkdir .*\.deis: /)
  })
})

describe('auth:register', () => {
  test('registers and logs in', async () => {
    const controller = await startController(open)
    const home = temporaryFolder()
    const argv = ['register', controller.url, '--username=bob', '--password=p', '--email=b@x.y']
    expect(await deis(argv, { home })).toMatchObject({
      code: 0,
      stdout: `Registered bob\nLogged in as bob\nClient configuration written to ${home}/.deis/client.json\n`,
      stderr: '',
    })
    expect(controller.requests).toEqual([
      'GET /v2/',
      'POST /v2/auth/register/ {"username":"bob","password":"p","email":"b@x.y"}',
      'POST /v2/auth/login/ {"username":"bob","password":"p"}',
    ])
    expect(controller.headers[1]).not.toHaveProperty('authorization')
  })

  test('an administrator registers others with the own token and stays logged in', async () => {
    const controller = await startController(open)
    const home = homeOf(controller)
    const argv = ['register', controller.url, '--username=eve', '--password=p', '--email=e@x.y', '--login=false']
    expect(await deis(argv, { home })).toMatchObject({ code: 0, stdout: 'Registered eve\n' })
    expect(controller.headers[1]).toMatchObject({ authorization: 'token secret-token' })
    expect(profileIn(home)).toMatchObject({ username: 'bob' })
  })

  test('a token is not shown to another controller', async () => {
    const controller = await startController(open)
    const home = homeOf({ url: 'http://127.0.0.1:1' })
    await deis(['register', controller.url, '--username=eve', '--password=p', '--email=e@x.y'], { home })
    expect(controller.headers.some((headers) => 'authorization' in headers)).toBe(false)
  })

  test('asks for everything, the password twice', async () => {
    const controller = await startController(open)
    const { code, asked } = await deis(['register', controller.url], { answers: ['bob', 'p', 'p', 'b@x.y'] })
    expect({ code, asked }).toEqual({ code: 0, asked: ['username: ', 'password: ', 'password (confirm): ', 'email: '] })
  })

  test('two different passwords end it', async () => {
    const controller = await startController(open)
    expect(await deis(['register', controller.url, '--username=b'], { answers: ['p', 'q'] })).toMatchObject({
      code: 1,
      stderr: 'Error: The two passwords differ, so nothing was changed.\n',
    })
    expect(controller.requests).toEqual(['GET /v2/'])
  })

  describe('of the first account of a platform that others reach', () => {
    const refusal = (token: string): Replies => ({
      ...open,
      'POST /v2/auth/register/': { status: 400, json: { token: [token] } },
    })
    const argv = (url: string): string[] => ['register', url, '--username=b', '--password=p', '--email=']

    test('sends the token that it is given', async () => {
      const controller = await startController(open)
      expect(await deis([...argv(controller.url), '--token=t'])).toMatchObject({ code: 0 })
      expect(controller.requests[1]).toBe(
        'POST /v2/auth/register/ {"username":"b","password":"p","email":"","token":"t"}',
      )
    })

    test.each([
      ['of this version', registrationTokenMessages.needed],
      [
        'of an earlier version',
        'This platform has no account yet. Whoever runs it registers first, with the token that `npm start` prints, or that is in the Secret deis-keys of the cluster: deis register URL --token=TOKEN',
      ],
    ])('asks for it once when a controller %s needs it', async (_, message) => {
      const controller = await startController(refusal(message))
      const { code, asked, stderr } = await deis(argv(controller.url), { answers: ['t'] })
      expect({ code, asked }).toEqual({ code: 1, asked: ['registration token: '] })
      expect(stderr).toBe(`${message}\nRegistration failed: Error: ${message}\n`)
      expect(controller.requests).toHaveLength(3)
      expect(controller.requests[2]).toContain('"token":"t"')
    })

    test('Ctrl-C at the prompt for the token prints "cancelled" and nothing else', async () => {
      const { needed } = registrationTokenMessages
      const controller = await startController(refusal(needed))
      const { code, stderr } = await deis(argv(controller.url), { answers: [null] })
      expect({ code, stderr }).toEqual({ code: 130, stderr: `${needed}\ncancelled\n` })
    })

    test.each([
      [registrationTokenMessages.needed, []],
      [registrationTokenMessages.wrong, ['--token=t']],
    ])('without a terminal: %s', async (message, more) => {
      const controller = await startController(refusal(message))
      expect(await deis([...argv(controller.url), ...more])).toMatchObject({
        code: 1,
        stderr: `Registration failed: Error: ${message}\n`,
      })
    })
  })

  test('a refusal is one line', async () => {
    const reply = { status: 400, json: { username: ['A user with that username already exists.'] } }
    const controller = await startController({ ...open, 'POST /v2/auth/register/': reply })
    expect(await deis(['register', controller.url, '--username=b', '--password=p', '--email=x'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'Registration failed: Error: A user with that username already exists.\n',
    })
  })
})

describe('auth:logout', () => {
  test('deletes the profile without a request, also if you are not logged in', async () => {
    const controller = await startController({})
    const home = homeOf(controller)
    expect(await deis(['logout'], { home })).toMatchObject({ code: 0, stdout: 'Logged out\n' })
    expect(existsSync(join(home, '.deis', 'client.json'))).toBe(false)
    expect(await deis(['logout'], { home })).toMatchObject({ code: 0, stdout: 'Logged out\n' })
    expect(controller.requests).toEqual([])
  })
})

describe('auth:whoami', () => {
  test('reads the profile', async () => {
    const home = homeOf({ url: 'http://deis.example.com' })
    expect(await deis(['whoami'], { home })).toMatchObject({
      code: 0,
      stdout: 'You are bob at http://deis.example.com\n',
    })
  })

  test('--all asks the controller', async () => {
    const controller = await startController({ 'GET /v2/auth/whoami/': { json: user } })
    expect((await deis(['whoami', '--all'], { home: homeOf(controller) })).stdout).toBe(
      'ID: 0\nUsername: bob\nEmail: bob@example.com\nFirst Name: \nLast Name: \nLast Login: \nIs Superuser: true\nIs Staff: false\nIs Active: true\nDate Joined: 2026-01-02T03:04:05Z\n',
    )
  })

  test('the error for an invalid token has the login command', async () => {
    const controller = await startController({
      'GET /v2/auth/whoami/': { status: 401, json: { detail: 'Invalid token.' } },
    })
    expect(await deis(['whoami', '--all'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stderr: `Error: Unauthorized: Missing or Invalid Token\nLog in again with \`deis login ${controller.url}\`.\n`,
    })
  })
})

describe('auth:passwd', () => {
  test.each([
    [['--password=a', '--new-password=b'], [], [], '{"password":"a","new_password":"b"}'],
    [['--username=eve', '--new-password=b'], [], [], '{"username":"eve","new_password":"b"}'],
    [
      [],
      ['a', 'b', 'b'],
      ['current password: ', 'new password: ', 'new password (confirm): '],
      '{"password":"a","new_password":"b"}',
    ],
  ])('%j asking %j', async (flags, answers, questions, body) => {
    const controller = await startController({ 'POST /v2/auth/passwd/': { json: { status: 'password set' } } })
    const { code, stdout, asked } = await deis(['passwd', ...flags], { home: homeOf(controller), answers })
    expect({ code, stdout, asked }).toEqual({ code: 0, stdout: 'Password changed.\n', asked: questions })
    expect(controller.requests).toEqual([`POST /v2/auth/passwd/ ${body}`])
  })

  test('a wrong password is reported', async () => {
    const reply = { status: 401, json: { detail: 'Current password does not match' } }
    const controller = await startController({ 'POST /v2/auth/passwd/': reply })
    expect(await deis(['passwd', '--password=a', '--new-password=b'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stderr: 'Password change failed: Error: Current password does not match\n',
    })
  })
})

describe('auth:cancel', () => {
  const cancelled: Replies = { ...open, 'DELETE /v2/auth/cancel/': { status: 204 } }

  test('logs in once more, then removes account and profile', async () => {
    const controller = await startController(cancelled)
    const home = homeOf(controller)
    const { code, stdout, asked } = await deis(['auth:cancel'], { home, answers: ['bob', 'p', true] })
    expect({ code, asked }).toEqual({
      code: 0,
      asked: ['username: ', 'password: ', `Cancel the account bob at ${controller.url}?`],
    })
    expect(stdout).toMatch(/Logged in as bob\n.*\nAccount cancelled\n$/)
    expect(controller.requests).toEqual([
      'POST /v2/auth/login/ {"username":"bob","password":"p"}',
      'DELETE /v2/auth/cancel/',
    ])
    expect(controller.headers[1]).toMatchObject({ authorization: 'token fresh' })
    expect(existsSync(join(home, '.deis', 'client.json'))).toBe(false)
  })

  test('an administrator removes another account and stays logged in', async () => {
    const controller = await startController(cancelled)
    const home = homeOf(controller)
    expect(await deis(['auth:cancel', '--username=eve', '--yes'], { home })).toMatchObject({
      code: 0,
      stdout: 'Account cancelled\n',
    })
    expect(controller.requests).toEqual(['DELETE /v2/auth/cancel/ {"username":"eve"}'])
    expect(existsSync(join(home, '.deis', 'client.json'))).toBe(true)
  })

  test.each([
    ['n\n', 0, 'Not confirmed; the account was not cancelled.\n'],
    ['', 1, 'Error: Not confirmed; the account was not cancelled.\nUse --yes.\n'],
  ])('%j piped in keeps the account', async (stdin, code, stderr) => {
    const controller = await startController(cancelled)
    const home = homeOf(controller)
    expect(await deis(['auth:cancel', '--username=eve'], { home, stdin })).toMatchObject({ code, stderr })
    expect(controller.requests).toEqual([])
  })

  test('a y in the pipe is enough', async () => {
    const controller = await startController(cancelled)
    expect(await deis(['auth:cancel', '--username=eve'], { home: homeOf(controller), stdin: 'y\n' })).toMatchObject({
      code: 0,
    })
  })

  test('an account with apps is kept', async () => {
    const detail = 'eve still has applications assigned. Delete or transfer ownership'
    const controller = await startController({ 'DELETE /v2/auth/cancel/': { status: 409, json: { detail } } })
    expect(await deis(['auth:cancel', '--username=eve', '--yes'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stderr: `Error: ${detail}\n`,
    })
  })
})

describe('auth:regenerate', () => {
  test.each([
    [[], '', { token: 'fresh' }, 'fresh'],
    [['-u', 'eve'], ' {"username":"eve"}', { token: 'eves' }, 'secret-token'],
    [['--all'], ' {"all":true}', '', 'secret-token'],
  ])('%j', async (flags, body, json, token) => {
    const controller = await startController({ 'POST /v2/auth/tokens/': { json } })
    const home = homeOf(controller)
    expect(await deis(['auth:regenerate', ...flags], { home })).toMatchObject({
      code: 0,
      stdout: 'Token Regenerated\n',
    })
    expect(controller.requests).toEqual([`POST /v2/auth/tokens/${body}`])
    expect(profileIn(home)).toMatchObject({ token, username: 'bob' })
  })
})
