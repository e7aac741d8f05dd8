// Do the hooks tell what git told them, and exit as they are told?
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outcome, type Result, temporary } from '../fixture.ts'
import { answerHook, type HookCall, writeHooks } from './hooks.ts'

let folder: string

beforeAll(async () => {
  folder = await temporary()
  await writeHooks(join(folder, 'hooks'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Hook = { readonly child: ChildProcessWithoutNullStreams; readonly result: Promise<Result> }

function start(name: string, args: readonly string[], input: string | Buffer, env: Record<string, string>): Hook {
  const child: ChildProcessWithoutNullStreams = spawn(join(folder, 'hooks', name), args, {
    env: { PATH: process.env['PATH'] ?? '', DEIS_HOOK_REFUSALS: join(folder, 'none'), ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}).end(input)
  return { child, result: outcome(child) }
}

const updates = `${'a'.repeat(40)} ${'b'.repeat(40)} refs/heads/main\n`

function preReceive(
  handle: (call: HookCall) => Promise<number>,
  env: Record<string, string> = {},
  input: string | Buffer = updates,
): Promise<Result> {
  const { child, result } = start('pre-receive', [], input, env)
  answerHook(child, handle)
  return result
}

test('a hook tells what git told it, shows what comes and exits as told', async () => {
  const calls: HookCall['request'][] = []
  const options = {
    GIT_PUSH_OPTION_COUNT: '3',
    GIT_PUSH_OPTION_0: 'a',
    GIT_PUSH_OPTION_1: '',
    GIT_PUSH_OPTION_2: '$(b) "c\\n\n%s',
  }
  const told = await preReceive(
    async ({ request, show }) => {
      calls.push(request)
      show('one\n  two \\n %s\n')
      show('\n')
      show('last')
      return 7
    },
    { ...options, GIT_QUARANTINE_PATH: '/q', GIT_OBJECT_DIRECTORY: '/o' },
    updates.repeat(10_000),
  )
  expect(told).toEqual({ code: 7, stdout: '', stderr: 'one\n  two \\n %s\n\nlast\n' })
  expect(calls).toEqual([
    {
      updates: updates.repeat(10_000),
      options: ['a', '', '$(b) "c\\n\n%s'],
      quarantine: { GIT_QUARANTINE_PATH: '/q', GIT_OBJECT_DIRECTORY: '/o', GIT_ALTERNATE_OBJECT_DIRECTORIES: '' },
    },
  ])
})

const many = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`GIT_PUSH_OPTION_${n}`, 'x']))
test.each([
  ['more options than allowed', { ...many, GIT_PUSH_OPTION_COUNT: '150' }, updates, 'at most 100 options'],
  ['one more than allowed', { ...many, GIT_PUSH_OPTION_COUNT: '101' }, updates, 'at most 100 options'],
  [
    'an option that is too long',
    { GIT_PUSH_OPTION_COUNT: '1', GIT_PUSH_OPTION_0: 'x'.repeat(9000) },
    updates,
    'at most 8192 characters',
  ],
  ['no number of options', { GIT_PUSH_OPTION_COUNT: 'x' }, updates, 'invalid request'],
  ['a name that is not text', {}, Buffer.concat([Buffer.from(updates), Buffer.of(0xff, 10)]), 'must be UTF-8'],
  ['too many refs', {}, updates.repeat(60_000), 'A push may have at most'],
  ['far too many refs', {}, updates.repeat(300_000), 'A push may have at most'],
])('%s: declined without asking', async (_, env, input, why) => {
  const told = await preReceive(() => Promise.reject(new Error('asked')), env, input)
  expect(told.code).toBe(1)
  expect(told.stderr).toContain(why)
})

test('much output is passed on in large pieces, whole and in order', async () => {
  const text = Array.from({ length: 30_000 }, (_, n) => `+5 0 ${n} é ${'x'.repeat(60)}\n`)
  const { child, result } = start('pre-receive', [], updates, {})
  let reads = 0
  answerHook(child, async ({ show }) => {
    const all = text.join('').length
    const arrived = new Promise<void>((resolve) => {
      let size = 0
      child.stderr.on('data', (chunk: string) => (size += chunk.length) >= all && resolve())
    })
    for (const line of text) show(line)
    await arrived
    reads = Number(/^syscr: (\d+)$/m.exec(await readFile(`/proc/${child.pid}/io`, 'utf8'))?.[1])
    return 0
  })
  expect(await result).toEqual({ code: 0, stdout: '', stderr: text.join('') })
  expect(reads).toBeLessThan(1_000_000)
})

test('a dd that does not wait for whole blocks passes all on as well', async () => {
  const bin = join(folder, 'bin')
  const path = process.env['PATH'] ?? ''
  await mkdir(bin)
  // As that of other systems.
  const script = `#!/bin/sh\ncase "$*" in *iflag*) exit 1 ;; esac\nPATH='${path}' exec dd "$@"\n`
  await writeFile(join(bin, 'dd'), script, { mode: 0o755 })
  const text = 'é 0123456789\n'.repeat(1000)
  const told = await preReceive(
    async ({ show }) => {
      show(text)
      show('end\n')
      return 3
    },
    { PATH: `${bin}:${path}` },
  )
  expect(told).toEqual({ code: 3, stdout: '', stderr: `${text}end\n` })
})

test('as many options as allowed are taken', async () => {
  const told = await preReceive(async ({ request }) => request.options.length, {
    ...many,
    GIT_PUSH_OPTION_COUNT: '100',
  })
  expect(told).toEqual({ code: 100, stdout: '', stderr: '' })
})

test.each([
  ['before it showed anything', '', 'nothing was changed. Push again in a moment.'],
  ['afterwards', 'one\n', 'Run `deis releases` to see whether it was deployed.'],
])('a controller that stops %s declines what it has not decided', async (_, text, why) => {
  const { child, result } = start('pre-receive', [], updates, {})
  answerHook(child, async ({ show }) => {
    if (text !== '') show(text)
    return new Promise(() => (child.stdio[3] as Socket).end())
  })
  expect(await result).toEqual({
    code: 1,
    stdout: '',
    stderr: `${text}The platform stopped during this push${text === '' ? ' and' : '.'} ${why}\n`,
  })
})

test('a controller that has gone before the hook asks declines', async () => {
  const { child, result } = start('pre-receive', [], updates.repeat(10_000), {})
  ;(child.stdio[3] as Socket).destroy()
  expect((await result).code).toBe(1)
})

test('a hook that is killed ends its call', async () => {
  const { child, result } = start('pre-receive', [], updates, {})
  const gone = new Promise((resolve) =>
    answerHook(child, (call) => {
      call.gone.addEventListener('abort', resolve)
      child.kill('SIGKILL')
      return new Promise(() => {})
    }),
  )
  await gone
  expect((await result).code).toBe(null)
})

test('the update hook declines what is refused, with its reason', async () => {
  const refusals = join(folder, 'refusals')
  await writeFile(refusals, 'refs/heads/a a is not $(deployed) here: \\n\nrefs/heads/b no\n')
  const update = (ref: string, file = refusals) =>
    start('update', [ref, 'a', 'b'], '', { DEIS_HOOK_REFUSALS: file }).result
  expect(await update('refs/heads/a')).toEqual({ code: 1, stdout: '', stderr: 'a is not $(deployed) here: \\n\n' })
  expect(await update('refs/heads/b')).toMatchObject({ code: 1, stderr: 'no\n' })
  expect(await update('refs/heads/c')).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(await update('refs/heads/a', join(folder, 'none'))).toEqual({ code: 0, stdout: '', stderr: '' })
})
