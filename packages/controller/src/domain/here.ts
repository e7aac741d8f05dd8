// Which state belongs to this controller only, and ends with it?
import type { Pump } from './drains/pump.ts'
import type { Refusals } from './events/deed.ts'
import type { RunningBuild } from './builds/build.ts'
import type { HookQueue } from './releases/deploy-hooks.ts'
import type { OneOffEntry } from './live/one-offs.ts'
import type { Publishing } from './edge/routing.ts'
import { type AcmeHere, createAcmeHere } from './acme/here.ts'
import { createFailingApps, type FailingApps } from './apps/failing-apps.ts'

export type Here = {
  /** Requests with an id that are running, and how many each user began. */
  readonly requests: Set<string>
  readonly requestsBegun: Map<number, number>
  readonly builds: Map<string, RunningBuild>
  /** Files of builds that are deleted while nobody waits for it. */
  readonly deleting: Set<Promise<void>>
  /** Slugs and images that no release needs are being deleted. */
  isPruning: boolean
  readonly oneOffs: Map<string, OneOffEntry>
  /** Apps that are being destroyed. */
  readonly ending: Map<string, Promise<void>>
  /** Apps that are being renamed, by uuid. */
  readonly renaming: Set<string>
  /** Names that are kept for apps that are being made here, by uuid. */
  readonly reserved: Set<string>
  readonly publishing: Map<string, Publishing>
  readonly hooks: Map<string, HookQueue>
  readonly failingApps: FailingApps
  readonly refusals: Refusals
  readonly acme: AcmeHere
  /** Where routers reach the API, once it listens, if they serve it. */
  apiUpstream: string | null
  /** Those that this controller sends to. */
  readonly drains: Map<string, Pump>
  /** Called when drains were added or removed. */
  drainsChanged: () => void
}

export function createHere(): Here {
  return {
    requests: new Set(),
    requestsBegun: new Map(),
    builds: new Map(),
    deleting: new Set(),
    isPruning: false,
    oneOffs: new Map(),
    ending: new Map(),
    renaming: new Set(),
    reserved: new Set(),
    publishing: new Map(),
    hooks: new Map(),
    failingApps: createFailingApps(),
    refusals: new Map(),
    acme: createAcmeHere(),
    apiUpstream: null,
    drains: new Map(),
    drainsChanged: () => {},
  }
}
