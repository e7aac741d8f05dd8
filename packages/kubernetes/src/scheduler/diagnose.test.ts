// Is each trouble found, named, and given the right patience?
import { expect, test } from 'vitest'
import type { Pod, ReplicaSet } from '../client/objects.ts'
import { creationTrouble, lateTrouble, podTrouble } from './diagnose.ts'

type Ended = { exitCode: number; reason?: string; message?: string }
type State = { waiting?: { reason: string; message?: string }; running?: object; terminated?: Ended }

function pod(state: State, more: { lastState?: State; restartCount?: number; unplaced?: string } = {}): Pod {
  const { unplaced, lastState, restartCount = 0 } = more
  return {
    metadata: { name: 'tea-web-1-abcde' },
    spec: {
      containers: [{ name: 'tea-web', image: 'registry/tea@sha256:0', readinessProbe: { tcpSocket: { port: 8080 } } }],
    },
    status: {
      conditions:
        unplaced === undefined
          ? []
          : [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: unplaced }],
      containerStatuses: [{ name: 'tea-web', image: '', imageID: '', ready: false, restartCount, state, lastState }],
    },
  }
}

const waiting = (reason: string, message?: string): State => ({ waiting: { reason, message } })
const ended = (exitCode: number, reason = 'Error'): State => ({ terminated: { exitCode, reason } })

test.each<[what: string, pod: Pod, cause: string, hint: string, patience: number | null]>([
  [
    'an image nobody has',
    pod(waiting('ErrImagePull', 'manifest unknown: not found')),
    'the image of web cannot be pulled: registry/tea@sha256:0',
    'deis registry:set',
    0,
  ],
  ['a registry that does not answer', pod(waiting('ErrImagePull', 'i/o timeout')), 'cannot be pulled', 'registry', 15],
  ['a pull that waits for its next try', pod(waiting('ImagePullBackOff', 'Back-off')), 'cannot be pulled', 'name', 15],
  ['an image that the node cannot read', pod(waiting('ImageInspectError')), 'cannot be pulled', 'registry', 15],
  ['an invalid name', pod(waiting('InvalidImageName')), 'has an invalid name', 'Check its name', 0],
  ['pulling that is forbidden', pod(waiting('ErrImageNeverPull')), 'may not be pulled', 'IMAGE_PULL_POLICY', 0],
  [
    'a container that cannot be created',
    pod(waiting('CreateContainerConfigError')),
    'cannot be created',
    'Deploy again',
    8,
  ],
  ['a container that cannot run', pod(waiting('RunContainerError')), 'cannot be started', 'command', 0],
  [
    'a program that is not in the image',
    pod(waiting('CrashLoopBackOff'), { lastState: ended(128, 'StartError'), restartCount: 1 }),
    'cannot be started (StartError)',
    '/bin/bash',
    0,
  ],
  ['a second end', pod(ended(1), { restartCount: 1 }), 'web exited with code 1 before it was ready', 'last lines', 0],
  [
    'waiting after the second end',
    pod(waiting('CrashLoopBackOff'), { lastState: ended(2), restartCount: 2 }),
    'web exited with code 2',
    'last lines',
    0,
  ],
  ['an end that was none of a fault', pod(ended(0, 'Completed'), { restartCount: 1 }), 'code 0', 'deis run', 0],
  ['a command that is not found, at once', pod(ended(127)), 'code 127', 'not found', 0],
  ['too little memory, at once', pod(ended(137, 'OOMKilled')), 'OOMKilled', 'deis limits:set web=', 0],
  [
    'no node with those labels',
    pod({}, { unplaced: "0/3 nodes are available: 3 node(s) didn't match node selector." }),
    'does not fit on any node',
    'deis tags',
    1,
  ],
  [
    'the same in later words',
    pod({}, { unplaced: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector." }),
    'does not fit on any node',
    'deis tags',
    1,
  ],
  [
    'and in those of 1.20',
    pod({}, { unplaced: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity." }),
    'does not fit on any node',
    'deis tags',
    1,
  ],
  [
    'nodes that are full may get company',
    pod({}, { unplaced: "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match node selector." }),
    'Insufficient cpu',
    'limits',
    null,
  ],
])('%s', (_what, ill, cause, hint, patience) => {
  const trouble = podTrouble('web', ill)
  expect(trouble?.cause).toContain(cause)
  expect(trouble?.hint).toContain(hint)
  expect(trouble?.patience).toBe(patience)
})

test.each<[what: string, pod: Pod]>([
  ['is on its way', pod(waiting('ContainerCreating'))],
  ['runs but does not answer yet', pod({ running: {} })],
  ['has ended once', pod(ended(1))],
  ['runs again after one end', pod({ running: {} }, { lastState: ended(1), restartCount: 1 })],
])('a pod that %s is in no trouble', (_what, well) => {
  expect(podTrouble('web', well)).toBeNull()
})

const refused = (message: string): ReplicaSet => ({
  status: { replicas: 0, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }] },
})

test('a full quota counts when no ending pod will free it', () => {
  const full = refused('pods "tea" is forbidden: exceeded quota: tea-quota')
  expect(creationTrouble('web', full, false)).toMatchObject({ patience: 3 })
  expect(creationTrouble('web', full, true)).toMatchObject({ patience: null })
  expect(creationTrouble('web', full, false)?.cause).toContain('the quota is too small for web: pods "tea"')
  expect(creationTrouble('web', refused('minimum memory usage'), false)?.cause).toContain('refuses to create web')
  expect(creationTrouble('web', {}, false)).toBeNull()
})

test('lateness says what to do next', () => {
  const runs = pod({ running: {} })
  expect(lateTrouble('web', 20, 8080, runs)).toMatchObject({
    cause: 'web was not ready within 20 s',
    details: ['its readiness probe did not pass: a connection to port 8080'],
    hint: 'It must listen on port 8080 on all addresses (0.0.0.0): let it use the environment variable PORT.',
  })
  expect(lateTrouble('web', 20, 5000, runs).hint).toContain('deis healthchecks:set')
  expect(lateTrouble('web', 20, 5000, pod(waiting('ContainerCreating'))).cause).toContain('(ContainerCreating)')
  expect(lateTrouble('web', 20, 5000, null).hint).toContain('DEIS_DEPLOY_TIMEOUT')
})
