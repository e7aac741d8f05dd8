// Does the Kubernetes scheduler keep the contract, on a real cluster?
import { describe } from 'vitest'
import { schedulerContract } from '../contract.ts'
import { openKubernetesHarness } from './harness.ts'

const there = process.env.KUBECONFIG !== undefined && process.env.TEST_REGISTRY !== undefined

describe.skipIf(!there)('on the cluster', () => schedulerContract('kubernetes', openKubernetesHarness))
