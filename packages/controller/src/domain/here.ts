// What goes on in this controller and in no other, and is gone with it?
import type { RunningBuild } from './builds/running.ts'
import type { HookLine } from './releases/deploy-hooks.ts'
import type { OneOffEntry } from './live/one-offs.ts'
import type { Publishing } from './edge/routing.ts'
import { createTrouble, type Trouble } from './apps/trouble.ts'

export type Here = {
  /** Named requests that are worked on, and how many each user began. */
  readonly requests: Set<string>
  readonly requestsBegun: Map<number, number>
  readonly builds: Map<string, RunningBuild>
  readonly oneOffs: Map<string, OneOffEntry>
  /** Apps that are being destroyed. */
  readonly ending: Map<string, Promise<void>>
  readonly publishing: Map<string, Publishing>
  readonly hooks: Map<string, HookLine>
  readonly trouble: Trouble
}

export function createHere(): Here {
  return {
    requests: new Set(),
    requestsBegun: new Map(),
    builds: new Map(),
    oneOffs: new Map(),
    ending: new Map(),
    publishing: new Map(),
    hooks: new Map(),
    trouble: createTrouble(),
  }
}
