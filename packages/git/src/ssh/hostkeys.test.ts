// Are host keys made once, for their owner only, and is a damaged one never replaced?
import { execFile as execFileWithCallback } from 'node:child_process'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { temporary } from '../fixture.ts'
import { hostKeyFiles, hostKeys, publicParts } from './hostkeys.ts'

let folder: string
beforeEach(async () => {
  folder = await temporary()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('keys are made once, readable for their owner only', async () => {
  const keys = join(folder, 'keys')
  const first = await hostKeys(keys)
  expect(await hostKeys(keys)).toEqual(first)
  const types = first.map((text) => {
    const key = ssh2.utils.parseKey(text)
    return key instanceof Error ? key.message : key.type
  })
  expect(types).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256'])
  const files = await readdir(keys)
  expect(files.toSorted()).toEqual(['ssh_host_ecdsa_key', 'ssh_host_ed25519_key'])
  for (const file of files) expect((await stat(join(keys, file))).mode & 0o777).toBe(0o600)
})

test('what clients are told are the public parts', async () => {
  const keys = await hostKeys(folder)
  const run = promisify(execFileWithCallback)
  const shown = await Promise.all(hostKeyFiles.map((file) => run('ssh-keygen', ['-y', '-f', join(folder, file)])))
  expect(publicParts(keys)).toEqual(shown.map(({ stdout }) => stdout.trim().split(' ').slice(0, 2).join(' ')))
})

test.each(['', 'not a key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJhZGtleWJhZGtleWJhZGtleWJhZGtleWJhZGtleTE='])(
  'a damaged key is an error and stays as it is: %j',
  async (content) => {
    const file = join(folder, 'ssh_host_ed25519_key')
    await writeFile(file, content)
    await expect(hostKeys(folder)).rejects.toThrow(`ssh host key "${file}" cannot be used`)
    expect(await readFile(file, 'utf8')).toBe(content)
  },
)
