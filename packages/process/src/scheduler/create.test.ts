// Does the process scheduler do with formations what the contract says, with real processes?
import { formationParts, schedulerContract } from '@deis/ports/testing/contract'
import { openProcessHarness } from './harness.ts'

schedulerContract('process', openProcessHarness, formationParts)
