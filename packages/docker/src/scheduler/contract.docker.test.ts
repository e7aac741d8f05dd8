// Does the scheduler for Docker keep the contract, where containers are reached by address and by published ports?
import { describe } from 'vitest'
import { schedulerContract } from '@deis/ports/testing/contract'
import { openDockerHarness } from './harness.ts'
import { isEngineThere } from './testbed.ts'

describe.skipIf(!isEngineThere).each(['bridge', 'published'] as const)('on Docker, reached by %s', (reach) => {
  schedulerContract(`docker (${reach})`, () => openDockerHarness(reach))
})
