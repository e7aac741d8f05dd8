// Does the real controller speak HTTP as docs/contract/api.md and the original client demand, with its processes on one machine?
import { afterAll, beforeAll, describe } from 'vitest'
import { everyStep } from './conformance/steps.ts'
import { onProcesses, type Stage } from './conformance/stage.ts'

let stage: Stage | undefined

describe.sequential('the HTTP contract, on processes', () => {
  beforeAll(async () => {
    stage = await onProcesses()
  })
  afterAll(() => stage?.stop())
  everyStep('process', () => {
    if (!stage) throw new Error('the platform did not start')
    return stage
  })
})
