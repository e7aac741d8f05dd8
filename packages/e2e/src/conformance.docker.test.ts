// Does the real controller speak HTTP as docs/contract/api.md and the original client demand, with its containers on Docker?
// What no backend decides is asked on processes only.
import { afterAll, beforeAll, describe } from 'vitest'
import { onDocker, type Stage } from './conformance/stage.ts'
import { stepsOfBackend } from './conformance/steps.ts'
import { testEngine } from './engine.ts'

let stage: Stage | undefined

describe.skipIf(!testEngine).sequential('the HTTP contract, on Docker', () => {
  beforeAll(async () => {
    stage = await onDocker()
  })
  afterAll(() => stage?.stop())
  stepsOfBackend('docker', () => {
    if (!stage) throw new Error('the platform did not start')
    return stage
  })
})
