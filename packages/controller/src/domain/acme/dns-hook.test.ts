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

test('it gets the name and the value as arguments and in its environment, and nothing of ours but PATH', async () => {
  const settings = await hook('printf "%s\\n" "$@" >"said-$1"', 'env >env')
  await present(settings, '*.example.com', '-v; $(touch x)', path, never)
  expect(await written('said-present')).toBe('present\n_acme-challenge.example.com.\n-v; $(touch x)\n')
  const names = (await written('env')).split('\n').map((line) => line.split('=')[0] ?? '')
  // The shell sets the others itself.
  expect(
    names
      .filter((name) => !['PWD', 'OLDPWD', '_', 'SHLVL', ''].includes(name))
      .toSorted((one, two) => one.localeCompare(two)),
  ).toEqual(['DEIS_ACME_ACTION', 'DEIS_ACME_RECORD', 'DEIS_ACME_VALUE', 'PATH'])
  await cleanUp(settings, '*.example.com', 'v', path)
  expect(await written('said-cleanup')).toBe('cleanup\n_acme-challenge.example.com.\nv\n')
})

test('a program that looks for options takes a value that begins with "-" from its environment', async () => {
  const file = join(folder, 'hook')
  const program = [
    `#!${process.execPath}`,
    `const { parseArgs } = require('node:util')`,
    `const { DEIS_ACME_ACTION: action, DEIS_ACME_RECORD: record, DEIS_ACME_VALUE: value } = process.env`,
    `const { values, positionals } = parseArgs({ args: ['--', action, record, value], allowPositionals: true })`,
    `require('node:fs').appendFileSync(${JSON.stringify(join(folder, 'said'))}, JSON.stringify({ ...values, positionals }) + '\\n')`,
  ]
  await writeFile(file, program.join('\n'), { mode: 0o755 })
  const value = '-rf_LoqXwJ4T8Z66nfM4uRlnhqsQIi6pF9gW0Y0JvVxY'
  await present(settingsWith(file), 'example.com', value, path, never)
  await cleanUp(settingsWith(file), 'example.com', value, path)
  const said = (await written('said'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  const record = '_acme-challenge.example.com.'
  expect(said).toEqual([{ positionals: ['present', record, value] }, { positionals: ['cleanup', record, value] }])
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

test("one that has ended is not looked for any more: its number may be another program's by then", async () => {
  const settings = await hook('sleep 600 2>&- & echo $! >child')
  const over = new AbortController()
  await present(settings, 'example.com', 'v', path, over.signal)
  over.abort(new Error('stopping'))
  const child = Number(await written('child'))
  // The signal would have been there before this one.
  const state = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => ' X ')
  expect(state).not.toMatch(/ [ZX] /)
  process.kill(child, 'SIGKILL')
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
