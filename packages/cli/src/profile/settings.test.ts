// Is the profile file compatible with the original client?
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findProfile, profileFile, readProfile, saveProfile } from './settings.ts'
import { deis, temporaryFolder } from '../testbed.ts'

const io = (env: Record<string, string>) => ({ env, platform: 'linux' as const, cwd: '/srv' })
const profile = {
  username: 'bob',
  ssl_verify: true,
  controller: 'http://deis.example.com:8080',
  token: 't',
  response_limit: 0,
  others: {},
}

test.each([
  [undefined, {}, '/home/bob/.deis/client.json'],
  ['staging', {}, '/home/bob/.deis/staging.json'],
  ['x.json', {}, '/home/bob/.deis/x.json.json'],
  ['/etc/x.json', {}, '/etc/x.json'],
  ['./x.json', {}, '/srv/x.json'],
  ['/etc/x', {}, '/home/bob/.deis/etc/x.json'],
  [undefined, { DEIS_PROFILE: 'env' }, '/home/bob/.deis/env.json'],
  [undefined, { DEIS_PROFILE: '' }, '/home/bob/.deis/.json'],
  ['option', { DEIS_PROFILE: 'env' }, '/home/bob/.deis/option.json'],
])('profile %j with %j is %s', (option, env, path) => {
  expect(profileFile(option, io({ HOME: '/home/bob', ...env })).path).toBe(path)
})

test('without HOME it fails', () => {
  expect(() => profileFile(undefined, io({}))).toThrow('HOME is not set')
})

test('is written with the key order of the original client, for its owner only, atomically', async () => {
  const home = temporaryFolder()
  const file = profileFile(undefined, io({ HOME: home }))
  await saveProfile(file, { ...profile, others: { workspace: 'w' } })
  expect(readFileSync(file.path, 'utf8')).toBe(
    '{"username":"bob","ssl_verify":true,"controller":"http://deis.example.com:8080","token":"t","response_limit":0,"workspace":"w"}',
  )
  expect(statSync(file.path).mode & 0o777).toBe(0o600)
  expect(statSync(join(home, '.deis')).mode & 0o777).toBe(0o700)
  expect(await readdir(join(home, '.deis'))).toEqual(['client.json'])
  expect(await readProfile(file)).toEqual({ ...profile, others: { workspace: 'w' } })
})

test('a link to the file is kept, and its mode becomes 0600', async () => {
  const home = temporaryFolder()
  mkdirSync(join(home, '.deis'))
  writeFileSync(join(home, 'real.json'), '{}', { mode: 0o644 })
  symlinkSync(join(home, 'real.json'), join(home, '.deis', 'client.json'))
  await saveProfile(profileFile(undefined, io({ HOME: home })), profile)
  expect(lstatSync(join(home, '.deis', 'client.json')).isSymbolicLink()).toBe(true)
  expect(JSON.parse(readFileSync(join(home, 'real.json'), 'utf8'))).toMatchObject({ username: 'bob' })
  expect(statSync(join(home, 'real.json')).mode & 0o777).toBe(0o600)
})

test('without ssl_verify certificates are verified; other absent keys have the values of the original client', async () => {
  const home = temporaryFolder()
  const path = join(home, 'p.json')
  writeFileSync(path, '{"controller":"http://x.y"}')
  expect(await findProfile({ shown: path, path, home })).toEqual({
    username: '',
    ssl_verify: true,
    controller: 'http://x.y',
    token: '',
    response_limit: 0,
    others: {},
  })
})

test.each([
  ['', 'Unexpected end of JSON input'],
  ['[]', 'it is not a JSON object.'],
  ['{"token":1}', 'token must be a string.'],
  ['{"ssl_verify":"yes"}', 'ssl_verify must be a boolean.'],
])('%j is invalid', async (content, why) => {
  const home = temporaryFolder()
  const path = join(home, 'p.json')
  writeFileSync(path, content)
  const { code, stderr } = await deis(['whoami', '-c', path], { home })
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `Error: Client configuration file ${path} is invalid: ${why}\nCorrect it, or delete it and run \`deis login <controller>\`.\n`,
  })
})

test('the error for a missing file names its path', async () => {
  const home = temporaryFolder()
  expect(await deis(['whoami'], { home })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: `Error: Client configuration file not found at: ${home}/.deis/client.json\nLog in with \`deis login <controller>\`, or create an account with \`deis register <controller>\`.\n`,
  })
})

test('the error has a hint if -c may belong to the program', async () => {
  const { stderr } = await deis(['run', 'bash', '-c', 'exit 5'])
  expect(stderr).toContain('/.deis/exit 5.json\n')
  expect(stderr).toContain('If `-c` belongs to the program, put `--` before the program: `-- bash -c …`.')
  expect((await deis(['whoami', '-c', 'none'])).stderr).not.toContain('program')
})

test('a missing folder is an error', async () => {
  const home = temporaryFolder()
  const path = join(home, 'none', 'p.json')
  await expect(saveProfile({ shown: path, path, home }, profile)).rejects.toThrow(
    `write ${path}: no such file or directory`,
  )
})

test.skipIf(process.getuid?.() === 0)('a read-only folder is an error', async () => {
  const home = temporaryFolder()
  mkdirSync(join(home, '.deis'))
  chmodSync(join(home, '.deis'), 0o500)
  const file = profileFile(undefined, io({ HOME: home }))
  await expect(saveProfile(file, profile)).rejects.toThrow('permission denied')
  expect(existsSync(file.path)).toBe(false)
})
