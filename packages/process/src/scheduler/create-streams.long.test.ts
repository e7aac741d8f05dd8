// Does the process scheduler keep sessions and followed logs as the contract says, with real processes?
import { schedulerContract, streamParts } from '@deis/ports/testing/contract'
import { openProcessHarness } from './harness.ts'

schedulerContract('process', openProcessHarness, streamParts)
