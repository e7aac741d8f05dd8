// Is it known of each reason of a kubelet what it is about, and whether it passes?
import { expect, test } from 'vitest'
import { obstacleOf } from './obstacle.ts'

const status = (reason: string, message?: string) => ({
  name: 'web',
  image: 'r/tea:1',
  imageID: '',
  ready: false,
  restartCount: 0,
  state: { waiting: { reason, message } },
})

test.each([
  ['ErrImagePull', 'manifest unknown', 'pull', true],
  ['ErrImagePull', 'name unknown: repository name not known to registry', 'pull', true],
  ['ErrImagePull', 'unexpected status: 403 Forbidden', 'pull', true],
  ['ErrImagePull', 'no match for platform in manifest', 'pull', true],
  ['ErrImagePull', 'dial tcp: i/o timeout', 'pull', false],
  ['ErrImagePull', 'an HTML page: invalid character "<" looking for beginning of value', 'pull', false],
  ['ImagePullBackOff', 'Back-off pulling image', 'pull', false],
  ['ImageInspectError', 'failed to inspect image', 'pull', false],
  ['RegistryUnavailable', undefined, 'pull', false],
  ['InvalidImageName', undefined, 'name', true],
  ['ErrImageNeverPull', undefined, 'absent', true],
  ['CreateContainerConfigError', 'secret "x" not found', 'create', false],
  ['CreateContainerError', undefined, 'create', false],
  ['RunContainerError', undefined, 'start', false],
])('%s: %s', (reason, message, kind, isPermanent) => {
  expect(obstacleOf(status(reason, message))).toEqual({ kind, reason, message: message ?? '', isPermanent })
})

test('a back-off has the message of the pull before it', () => {
  const backOff = status('ImagePullBackOff', 'Back-off pulling image')
  expect(obstacleOf(backOff, 'manifest unknown')).toMatchObject({ message: 'manifest unknown', isPermanent: true })
})

test.each(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff', ''])('"%s" is a step on the way', (reason) => {
  expect(obstacleOf(status(reason))).toBeNull()
})
