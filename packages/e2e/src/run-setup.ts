// What happens once before all tests of a run, and after them?
import type { TestProject } from 'vitest/node'
import { openRun } from './run-folder.ts'

/** Clusters and engines do not see this machine's memory, and long tests fill more of it. */
const inMemory = ['unit', 'e2e']

export const setup = ({ name }: TestProject): Promise<() => Promise<void>> =>
  openRun({ inMemory: inMemory.includes(name) })
