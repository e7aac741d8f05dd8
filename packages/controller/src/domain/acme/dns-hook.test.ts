// Is the operator's program for DNS called as documented, and ended with all that it started?
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cleanUp, present } from './dns-hook.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deis-hook-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const path = '/usr/bin:/bin'
async function hook(...lines: string[]) {
  const file = join(folder, 'hook')
  await writeFile(file, ['#!/bin/sh', `cd ${folder}`, ...lines, ''].join('\n'), { mode: 0o755 })
  return settingsWith(file)
}
const settingsWith = (dnsHook: string | null) => ({
  directory: 'https://ca.example/dir',
  staging: null,
  email: null,
  eab: null,
  resolvers: ['127.0.0.1:1'],
  publicAddresses: [],
  httpPort: 80,
  dnsHook,
  dnsWaitMs: 0,
})
const written = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
const never = new AbortController().signal

test('it gets the name and the value as arguments, and nothing of the environment but PATH', async () => {
  const settings = await hook('printf "%s\\n" "$@" >"said-$1"', 'env >env')
  await present(settings, '*.example.com', '-v; $(touch x)', path, never)
  expect(await written('said-present')).toBe('present\n_acme-challenge.example.com.\n-v; $(touch x)\n')
  const names = (await written('env')).split('\n').map((line) => line.split('=')[0])
  // The shell sets the others itself.
  expect(names.filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL', ''].includes(name!))).toEqual(['PATH'])
  await cleanUp(settings, '*.example.com', 'v', path)
  expect(await written('said-cleanup')).toBe('cleanup\n_acme-challenge.example.com.\nv\n')
})

test.each([
  [['echo "the zone is locked" >&2', 'exit 3'], /hook present\) failed: the zone is locked$/],
  [['exit 3'], /it ended with exit code 3$/],
  [['kill -TERM $$'], /it was ended by SIGTERM$/],
  // A child keeps the pipe open.
  [['sleep 600 & echo $! >child', 'echo locked >&2', 'exit 1'], /failed: locked$/],
])('%j', async (lines, message) => {
  const settings = await hook(...lines)
  await expect(present(settings, 'example.com', 'v', path, never)).rejects.toThrow(message)
  const child = await written('child').catch(() => null)
  if (child !== null) process.kill(Number(child), 'SIGKILL')
})

test('one that is not there is named', async () => {
  const settings = settingsWith(join(folder, 'none'))
  await expect(present(settings, 'example.com', 'v', path, never)).rejects.toThrow(/none present\) failed: .*ENOENT/)
})

test('one that is cancelled ends with what it started, although both ignore the signals of a shell', async () => {
  const settings = await hook('trap "" TERM INT', 'sleep 600 & echo $! >child.new; mv child.new child', 'wait')
  const over = new AbortController()
  const running = present(settings, 'example.com', 'v', path, over.signal)
  const child = Number(
    await expect
      .poll(() => written('child').catch(() => ''), { timeout: 10_000 })
      .not.toBe('')
      .then(() => written('child')),
  )
  over.abort(new Error('stopping'))
  await expect(running).rejects.toThrow('stopping')
  await expect
    .poll(() =>
      readFile(`/proc/${child}/stat`, 'utf8').then(
        (text) => / [ZX] /.test(text),
        () => true,
      ),
    )
    .toBe(true)
})
