// Does ssh know a new git server after `deis git:remote`, and only one that a proven controller names, unless the user has decided it?
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, repository, startController, temporaryFolder } from '../testbed.ts'
import { isProven } from './host-keys.ts'

const keys = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJhZGtleWJhZGtleWJhZGtleWJhZGtleWJhZGtleTE2',
  `ecdsa-sha2-nistp256 ${'AAAA'.repeat(26)}`,
]
const name = '[127.0.0.1]:2222'
const lines = keys.map((key) => `${name} ${key}\n`).join('')

type Given = {
  readonly git?: string
  readonly hostKeys?: unknown
  /** What `ssh -G` says besides. */
  readonly settings?: string
  readonly before?: string
  readonly env?: Record<string, string>
}

async function added({ git = 'ssh://git@127.0.0.1:2222', hostKeys = keys, settings = '', before, env = {} }: Given) {
  const controller = await startController({ 'GET /v2/': { json: { git, git_host_keys: hostKeys } } })
  const home = homeOf(controller)
  const file = join(home, '.ssh', 'known_hosts')
  if (before !== undefined) {
    mkdirSync(join(home, '.ssh'))
    writeFileSync(file, before)
  }
  // The real one takes the home of the user who runs this.
  const bin = temporaryFolder()
  const said = `hostname 127.0.0.1\nport 2222\nuserknownhostsfile ${file} ${file}2\n${settings}`
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\ncat <<'END'\n${said}\nEND\n`)
  chmodSync(join(bin, 'ssh'), 0o755)
  const world = { home, cwd: repository(), env: { PATH: `${bin}${delimiter}${process.env['PATH']}`, ...env } }
  const { code, stdout, stderr } = await deis(['git:remote', '-a', 'foo'], world)
  expect([code, stdout]).toEqual([0, 'Git remote deis successfully created for app foo.\n'])
  return { file, stderr, world, text: existsSync(file) ? readFileSync(file, 'utf8') : null }
}

test('they are added once, for the user only, and found by ssh', async () => {
  const { file, stderr, text, world } = await added({})
  expect([text, stderr]).toEqual([lines, `The host keys of ${name} were added to ${file}.\n`])
  expect([statSync(file).mode & 0o777, statSync(join(file, '..')).mode & 0o777]).toEqual([0o600, 0o700])
  expect(execFileSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' })).toContain(keys[0])
  expect((await deis(['git:remote', '-a', 'foo'], world)).stderr).toBe('')
  expect(readFileSync(file, 'utf8')).toBe(lines)
})

test('what is there stays', async () => {
  const before = `example.com ${keys[0]}`
  expect((await added({ before })).text).toBe(`${before}\n${lines}`)
})

test('a server with another key is for ssh to warn of', async () => {
  const before = `${name} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG90aGVyb3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcjE2\n`
  expect(await added({ before })).toMatchObject({ text: before, stderr: '' })
})

describe('nothing is added', () => {
  test.each<[string, Given]>([
    ['for another host', { git: 'ssh://git@elsewhere.example.com:2222' }],
    ['without keys', { hostKeys: [] }],
    ['when one is not a key', { hostKeys: [keys[0], '* ssh-ed25519 AAAA'] }],
    ['when one has a second line', { hostKeys: [`${keys[0]}\n* ${keys[0]}`] }],
    ['where the user leads the host elsewhere', { settings: 'hostkeyalias other' }],
    ['where git has another ssh', { env: { GIT_SSH_COMMAND: 'ssh -F none' } }],
    [
      'where git has another ssh by its settings',
      { env: { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.sshCommand', GIT_CONFIG_VALUE_0: 'other' } },
    ],
  ])('%s', async (_, given) => {
    expect(await added(given)).toMatchObject({ text: null, stderr: '' })
  })
})

test.each([
  ['https://deis.example.com', true, true],
  ['https://deis.example.com', false, false],
  ['http://deis.example.com', true, false],
  ['http://localhost.example.com', true, false],
  ['http://localhost:8000', true, true],
  ['http://[::1]:8000', false, true],
])('%s, verified %s, proves who it is: %s', (origin, sslVerify, expected) => {
  expect(isProven(new URL(origin), sslVerify)).toBe(expected)
})
