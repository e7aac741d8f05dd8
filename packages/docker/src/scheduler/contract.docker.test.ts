// Does the scheduler for Docker keep the contract, where containers are reached by address and by published ports?
import { describe } from 'vitest'
import { reachParts, schedulerContract } from '@deis/ports/testing/contract'
import { openDockerHarness } from './harness.ts'
import { isEngineThere } from './testbed.ts'

describe.skipIf(!isEngineThere)('on Docker', () => {
  schedulerContract('docker, reached by address,', () => openDockerHarness('bridge'))
  schedulerContract('docker, reached by published ports,', () => openDockerHarness('published'), reachParts)
})
