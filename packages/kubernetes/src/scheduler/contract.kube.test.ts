// Does the Kubernetes scheduler keep the contract, on a real cluster?
import { describe } from 'vitest'
import { isClusterThere } from '../client/testing.ts'
import { schedulerContract } from '@deis/ports/testing/contract'
import { openKubernetesHarness } from './harness.ts'

describe.skipIf(!isClusterThere)('on the cluster', () => schedulerContract('kubernetes', openKubernetesHarness))
