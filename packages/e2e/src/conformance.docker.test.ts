// Does the real controller speak HTTP as docs/contract/api.md and the original client demand, with its containers on Docker?
import { afterAll, beforeAll, describe } from 'vitest'
import { onDocker, type Stage } from './conformance/stage.ts'
import { everyStep } from './conformance/steps.ts'
import { testEngine } from './engine.ts'

let stage: Stage | undefined

describe.skipIf(!testEngine).sequential('the HTTP contract, on Docker', () => {
  beforeAll(async () => {
    stage = await onDocker()
  })
  afterAll(() => stage?.stop())
  everyStep('docker', () => {
    if (!stage) throw new Error('the platform did not start')
    return stage
  })
})
