// Does the real controller speak HTTP as docs/contract/api.md and the original client demand, with its containers on Kubernetes?
import { afterAll, beforeAll, describe } from 'vitest'
import { onKubernetes, type Stage } from './conformance/stage.ts'
import { stepsOfBackend } from './conformance/steps.ts'
import { testCluster } from './cluster.ts'

let stage: Stage | undefined

describe.skipIf(!testCluster).sequential('the HTTP contract, on Kubernetes', () => {
  beforeAll(async () => {
    stage = await onKubernetes()
  })
  afterAll(() => stage?.stop())
  stepsOfBackend('kubernetes', () => {
    if (!stage) throw new Error('the platform did not start')
    return stage
  })
})
