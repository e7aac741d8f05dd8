// Does the Kubernetes scheduler keep the contract, on a real cluster?
import { describe } from 'vitest'
import { isClusterThere } from '../../kube/testing.ts'
import { schedulerContract } from '../contract.ts'
import { openKubernetesHarness } from './harness.ts'

describe.skipIf(!isClusterThere)('on the cluster', () => schedulerContract('kubernetes', openKubernetesHarness))
