// Which disk does a failed build name?
import { BuildFailure } from '@deis/ports/builder'
import { expect, test } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { PushFailure } from '../engine/push.ts'
import { EngineError } from '../engine/error.ts'
import { fullDiskFailure, watchDisk } from './full-disk.ts'

/** Elsewhere, so that its disk is not seen. */
const engine = { isHere: false, info: { DockerRootDir: '' } } as Engine
const noSpace = 'no space left on device'
const ofNode = Object.assign(new Error(`ENOSPC: ${noSpace}, write`), { code: 'ENOSPC' })
const pushed = new PushFailure(`The image could not be pushed to the registry r.test: ${noSpace}`, '')

test.each([
  ['what the engine says', new EngineError(`creating a container: ${noSpace}`, 500), '', 'engine'],
  ['what a build prints', new BuildFailure('A command failed.', 1), `cp: /x: ${noSpace}\n`, 'engine'],
  ['a file of the controller', ofNode, '', 'platform'],
  ['a push', new BuildFailure(pushed.message, null, { cause: pushed }), '', 'registry'],
  ['another failure', new BuildFailure('A command failed.', 1), 'no such file\n', null],
])('%s', async (_, error, printed, expected) => {
  const disk = watchDisk(engine, () => {})
  disk.write(printed)
  expect(await disk.full(error)).toBe(expected)
})

test('what to do is added to the failure', () => {
  expect(fullDiskFailure(ofNode, 'platform').message).toBe(
    `The build failed: ENOSPC: ${noSpace}, write. The disk of the platform is full: have an administrator free some space there, then push again.`,
  )
  const { message, exitCode } = fullDiskFailure(new BuildFailure('A command failed.', 7), 'engine')
  expect([message, exitCode]).toEqual([
    expect.stringMatching(/^A command failed\. The disk of the Docker Engine is full, most likely\./),
    7,
  ])
})
