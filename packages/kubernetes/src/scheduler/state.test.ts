// Does each combination of phase and container have the contract's state (docs/contract/api.md §4.10)?
import { expect, test } from 'vitest'
import type { Pod } from '../client/objects.ts'
import { isReady, isThere, observed, stateOf } from './state.ts'

type Container = { ready?: boolean; running?: true; waiting?: string; terminated?: true }

function pod(phase: string, container: Container | null, deleted?: string): Pod {
  const { ready = false, running, waiting, terminated } = container ?? {}
  const state = {
    ...(running ? { running: {} } : {}),
    ...(waiting === undefined ? {} : { waiting: { reason: waiting } }),
    ...(terminated ? { terminated: { exitCode: 1 } } : {}),
  }
  return {
    metadata: {
      name: 'tea-web-6f5d786866-x2x4z',
      labels: { app: 'tea', type: 'web', version: 'v3' },
      creationTimestamp: '2026-01-02T03:04:05Z',
      deletionTimestamp: deleted,
    },
    spec: { containers: [{ name: 'tea-web' }] },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: container ? [{ name: 'tea-web', image: '', imageID: '', restartCount: 0, ready, state }] : [],
    },
  }
}

const later = '2126-01-01T00:00:00Z'

test.each<[state: string, phase: string, container: Container | null, deleted?: string]>([
  ['initializing', 'Pending', null],
  ['initializing', 'Pending', {}],
  ['initializing', 'Pending', { running: true }],
  ['creating', 'Pending', { waiting: 'ContainerCreating' }],
  ['ErrImagePull', 'Pending', { waiting: 'ErrImagePull' }],
  ['ImagePullBackOff', 'Pending', { waiting: 'ImagePullBackOff' }],
  ['CrashLoopBackOff', 'Pending', { waiting: 'CrashLoopBackOff' }],
  ['starting', 'Running', { running: true }],
  ['starting', 'Running', { running: true }, later],
  ['up', 'Running', { running: true, ready: true }],
  ['terminating', 'Running', { running: true, ready: true }, later],
  ['terminating', 'Running', { terminated: true }],
  ['error', 'Running', { waiting: 'CrashLoopBackOff' }],
  ['error', 'Running', null],
  ['down', 'Succeeded', { terminated: true }],
  ['crashed', 'Failed', { terminated: true }],
  ['error', 'Unknown', { running: true, ready: true }],
])('%s: %s with %j, deleted %s', (wanted, phase, container, deleted) => {
  expect(stateOf(pod(phase, container, deleted))).toBe(wanted)
})

test('a pod that is being created shows its newest event', () => {
  expect(stateOf(pod('Pending', { waiting: 'ContainerCreating' }), 'Pulling')).toBe('Pulling')
})

test('an observed pod has the contract`s facts', () => {
  expect(observed(pod('Running', { running: true, ready: true }))).toEqual({
    name: 'tea-web-6f5d786866-x2x4z',
    type: 'web',
    release: 3,
    state: 'up',
    started: new Date('2026-01-02T03:04:05Z'),
    address: null,
  })
})

test('a pod is ready if it runs, is ready, and is not being deleted', () => {
  expect(isReady(pod('Running', { running: true, ready: true }))).toBe(true)
  expect(isReady(pod('Running', { running: true, ready: true }, later))).toBe(false)
  expect(isReady(pod('Running', { running: true }))).toBe(false)
})

test('what was deleted is listed until its time is over or its processes have ended', () => {
  const now = Date.parse('2026-01-01T00:00:10Z')
  expect(isThere(pod('Running', { running: true }), now)).toBe(true)
  expect(isThere(pod('Running', { running: true }, '2026-01-01T00:00:11Z'), now)).toBe(true)
  expect(isThere(pod('Running', { running: true }, '2026-01-01T00:00:09Z'), now)).toBe(false)
  expect(isThere(pod('Running', { terminated: true }, later), now)).toBe(false)
  expect(isThere(pod('Running', { terminated: true }), now)).toBe(true)
})
