// Does a failure say what happened and what to do?
import { expect, test } from 'vitest'
import { DeployFailure } from '@deis/ports/scheduler'
import { exitCode, exitFailure, exitText } from '@deis/ports/exit'
import { lateFailure, memoryFailure, memoryText, systemFailure } from './diagnose.ts'

test.each([
  [{ code: 0, signal: null }, 0, 'exited with code 0'],
  [{ code: 3, signal: null }, 3, 'exited with code 3'],
  [{ code: null, signal: 'SIGKILL' }, 137, 'was ended by SIGKILL'],
  [{ code: null, signal: 'SIGTERM' }, 143, 'was ended by SIGTERM'],
] as const)('exit %j', (exit, code, text) => {
  expect(exitCode(exit)).toBe(code)
  expect(exitText(exit)).toBe(text)
})

test.each([
  [1, ['boom'], 'Look at its last lines'],
  [1, ['Error: listen EADDRINUSE: address already in use :::80'], 'environment variable PORT'],
  [0, [], 'must keep running'],
  [126, [], 'is not executable'],
  [127, ['bash: line 1: gunicorn: command not found'], 'check web in the Procfile'],
  [137, [], 'out of memory'],
])('code %i with output %j', (code, lines, hint) => {
  const failure = exitFailure('web', { code, signal: null }, lines, null)
  expect(failure.message).toBe(`web exited with code ${code} before it was ready`)
  expect(failure.evidence).toEqual(lines)
  expect(failure.hint).toContain(hint)
})

test('an end by a failed health check names it', () => {
  const failure = exitFailure('web', { code: null, signal: 'SIGTERM' }, [], 'liveness probe failed: GET / answered 500')
  expect(failure.message).toBe(
    'web was ended by SIGTERM before it was ready (liveness probe failed: GET / answered 500)',
  )
  expect(failure.hint).toContain('health check')
})

test.each([
  {
    title: 'silent',
    more: {},
    message: 'web did not listen on PORT (5123) within 7 s',
    hint: 'environment variable PORT',
  },
  {
    title: 'elsewhere',
    more: { listening: [3000, 3001] },
    message: 'web did not listen on PORT (5123) within 7 s; it listens on port 3000, 3001 instead',
    hint: 'environment variable PORT',
  },
  {
    title: 'probe',
    more: { listening: [5123], reason: 'its readiness probe fails: GET / answered 500' },
    message: 'web was not ready within 7 s: its readiness probe fails: GET / answered 500',
    hint: 'DEIS_DEPLOY_TIMEOUT',
  },
  {
    title: 'not even started',
    more: { reason: null },
    message: 'web could not be started within 7 s',
    hint: 'DEIS_DEPLOY_TIMEOUT',
  },
])('late: $title', ({ more, message, hint }) => {
  const failure = lateFailure({
    type: 'web',
    routable: true,
    port: 5123,
    seconds: 7,
    reason: 'it does not listen on PORT (5123)',
    listening: [],
    lines: ['line'],
    ...more,
  })
  expect(failure.message).toBe(message)
  expect(failure.evidence).toEqual(['line'])
  expect(failure.hint).toContain(hint)
})

test('problem of the machine is found below other errors', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const failure = systemFailure('web', new Error('cannot unpack', { cause: full }))
  expect(failure).toBeInstanceOf(DeployFailure)
  expect(failure.message).toBe('web could not be started: cannot unpack')
  expect(failure.hint).toContain('disk is full')
  expect(systemFailure('web', failure)).toBe(failure)
})

const killed = { code: null, signal: 'SIGKILL' } as const
const unknown = { code: null, signal: null }

test.each([
  [killed, '64M', 'used more memory than its limit of 64M and was killed (OOMKilled)'],
  [unknown, '64M', 'used more memory than its limit of 64M and was killed (OOMKilled)'],
  [killed, undefined, 'used too much of the memory of this machine and was killed (OOMKilled)'],
  [
    { code: 1, signal: null },
    '64M',
    'exited with code 1; a process of it used more memory than its limit of 64M and was killed (OOMKilled)',
  ],
])('of %j with a limit of %s it is said that it %s', (exit, limit, text) => {
  expect(memoryText(exit, limit)).toBe(text)
})

test('what the machine lacks is not what a higher limit mends', () => {
  expect(memoryFailure('web', killed, '64M', []).hint).toBe('Raise its limit: deis limits:set web=512M')
  expect(memoryFailure('web', killed, undefined, []).hint).toMatch(/^This machine ran out of memory/)
})
