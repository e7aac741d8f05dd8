// Is the state of a build's pod read right, whatever keeps it from starting?
import { describe, expect, test } from 'vitest'
import type { Pod } from '../client/objects.ts'
import { failureOf, pullErrorOf, refusalOf, situationOf } from './situation.ts'

type State = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']

const container = (name: string, state: State): object => ({ name, image: `r/${name}:1`, state })
const pod = (init: object[], main: object[], more: object = {}): Pod =>
  ({ status: { phase: 'Pending', initContainerStatuses: init, containerStatuses: main, ...more } }) as Pod
const waiting = (reason: string, message = ''): State => ({ waiting: { reason, message } })
const done = (exitCode: number, more: object = {}): State => ({ terminated: { exitCode, ...more } })

describe('what a pod does', () => {
  test.each<[string, Pod | undefined, object]>([
    ['no pod yet', undefined, { kind: 'waiting', why: null, final: false }],
    ['being made', pod([container('fetch', waiting('PodInitializing'))], []), { kind: 'waiting', why: null }],
    ['fetching', pod([container('fetch', { running: {} })], []), { kind: 'waiting', why: null }],
    [
      'no node',
      pod([], [], {
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes fit' }],
      }),
      { kind: 'waiting', why: 'no node takes it: 0/1 nodes fit', final: false, passing: true },
    ],
    [
      'no such image',
      pod([container('fetch', waiting('ErrImagePull', 'rpc error: failed to resolve "r/x": not found'))], []),
      {
        kind: 'waiting',
        why: 'the image r/fetch:1 cannot be pulled: rpc error: failed to resolve "r/x": not found',
        final: true,
      },
    ],
    [
      'a registry that is away',
      pod([container('fetch', waiting('ErrImagePull', 'dial tcp: connection refused'))], []),
      { kind: 'waiting', final: false, passing: false },
    ],
    [
      'an image of a later container',
      pod([container('fetch', done(0))], [container('build', waiting('InvalidImageName', 'bad'))]),
      { kind: 'waiting', why: 'the image r/build:1 cannot be pulled: bad', final: true },
    ],
    [
      'a missing secret',
      pod([], [container('fetch', waiting('CreateContainerConfigError', 'secret "x" not found'))]),
      { kind: 'waiting', why: 'a container cannot be started: secret "x" not found', final: true },
    ],
    ['building', pod([container('fetch', done(0))], [container('build', { running: {} })]), { kind: 'building' }],
    [
      'pushing',
      pod([container('fetch', done(0)), container('build', done(0))], [container('push', { running: {} })]),
      { kind: 'building' },
    ],
    [
      'an image to push with that is not there',
      pod([container('build', done(0))], [container('push', waiting('ErrImagePull', 'not found'))]),
      { kind: 'waiting', final: true },
    ],
  ])('%s', (_, given, expected) => {
    expect(situationOf(given, null)).toMatchObject(expected)
  })

  test('back-off says again what the pull said', () => {
    const failed = pod([container('fetch', waiting('ErrImagePull', 'manifest unknown'))], [])
    const later = pod([container('fetch', waiting('ImagePullBackOff', 'Back-off pulling image'))], [])
    expect(situationOf(later, pullErrorOf(failed))).toMatchObject({
      why: 'the image r/fetch:1 cannot be pulled: manifest unknown',
      final: true,
    })
    expect(pullErrorOf(later)).toBeNull()
  })
})

describe('how a pod ended', () => {
  const fetched = container('fetch', done(0))
  test.each<[string, Pod, string]>([
    [
      'an exit code',
      pod([fetched], [container('build', done(3))], { phase: 'Failed' }),
      'Build pod exited with code 3, stopping build.',
    ],
    [
      'memory',
      pod([fetched], [container('build', done(137, { reason: 'OOMKilled' }))]),
      'The build ran out of memory (OOMKilled): it may use 1Gi. Make it smaller, or raise the limit of builds.',
    ],
    [
      'an eviction',
      pod([fetched], [container('build', done(137))], {
        phase: 'Failed',
        reason: 'Evicted',
        message: 'Pod ephemeral local storage usage exceeds 1Gi.',
      }),
      "The build's pod failed: Evicted: Pod ephemeral local storage usage exceeds 1Gi..",
    ],
    ['the fetching', pod([container('fetch', done(1))], []), 'The source could not be copied to the build.'],
    [
      'the push',
      pod([fetched, container('build', done(0))], [container('push', done(125))]),
      'The image could not be pushed to the registry.',
    ],
  ])('%s', (_, given, message) => {
    const situation = situationOf(given, null)
    expect(situation.kind === 'ended' && failureOf(situation.ended, '1Gi')).toBe(message)
  })

  test('well, with its last message', () => {
    const given = pod([fetched], [container('push', done(0, { message: 'sha256:1\n' }))], { phase: 'Succeeded' })
    expect(situationOf(given, null)).toMatchObject({
      kind: 'ended',
      ended: { exitCode: 0, container: 'push', message: 'sha256:1', podFailure: null, outOfMemory: false },
    })
  })
})

test.each([
  ['pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0', false],
  ['pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', true],
  ['Internal error occurred: failed calling webhook', false],
])('the Job makes no pod: %s', (message, final) => {
  const events = [{ reason: 'FailedCreate', message: `Error creating: ${message}` }]
  expect(refusalOf(events)).toMatchObject({ why: message, final })
  expect(refusalOf([{ reason: 'SuccessfulCreate', message: 'made' }])).toBeNull()
})
