// Which steps do the tests of the scheduler contract share?
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { testFormation } from './formation.ts'
import { DeployFailure, type Formation, type ObservedPod, type OneOff, type ProcessSpec } from '../scheduler.ts'

export const never = new AbortController().signal
export const quiet = (): void => {}

export async function until<T>(what: string, look: () => Promise<T | false | undefined>, seconds = 20): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found !== false && found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s until ${what}`)
    await sleep(20)
  }
}

export const names = (pods: readonly ObservedPod[]): string[] => pods.map((pod) => pod.name).toSorted()
export const byType = (pods: readonly ObservedPod[], type: string): ObservedPod[] =>
  pods.filter((pod) => pod.type === type)

export type ContractSteps = ReturnType<typeof contractSteps>

export function contractSteps(harness: () => Harness) {
  let apps = 0
  const newApp = (): string => `${harness().prefix ?? ''}contract-${++apps}`
  const patiently = (seconds: number): number => seconds * (harness().patience ?? 1)
  const inTime = <T>(what: string, look: () => Promise<T | false | undefined>): Promise<T> =>
    until(what, look, patiently(20))
  const web = (replicas: number, command = harness().commands.serve): ProcessSpec => ({
    command,
    replicas,
    graceSeconds: 5,
  })
  const formation = (
    app: string,
    release: number,
    processes: Formation['processes'],
    more: Partial<Formation> = {},
  ): Formation =>
    testFormation(app, release, harness().artifact, processes, { deployTimeoutSeconds: patiently(20), ...more })
  const apply = (wanted: Formation): Promise<void> => harness().scheduler().apply(wanted, never, quiet)
  const observe = (app: string): Promise<readonly ObservedPod[]> => harness().scheduler().observe(app)
  const settled = (app: string, count: number): Promise<readonly ObservedPod[]> =>
    inTime(`${app} has ${count} pods that are up and no others`, async () => {
      const pods = await observe(app)
      return pods.length === count && pods.every((pod) => pod.state === 'up') && pods
    })
  const answering = (app: string, count: number): Promise<Set<string>> => {
    const seen = new Set<string>()
    return inTime(`${count} pods of ${app} have answered`, async () => {
      seen.add((await harness().ask(app)).pod)
      return seen.size === count && seen
    })
  }
  const failure = async (promise: Promise<unknown>): Promise<DeployFailure> => {
    const thrown = await promise.then(
      () => null,
      (error: unknown) => error,
    )
    expect(thrown).toBeInstanceOf(DeployFailure)
    return thrown as DeployFailure
  }
  /** Sends requests until `work` has ended, and returns how many there were. A failed request fails the test. */
  const underLoad = async (app: string, work: Promise<unknown>): Promise<number> => {
    const over = new AbortController()
    const ended = work.finally(() => over.abort())
    let requests = 0
    const load = (async () => {
      while (!over.signal.aborted) {
        await harness().ask(app)
        requests++
        // As many as it takes to meet every moment; more would only load the machine.
        await sleep(5)
      }
    })()
    await Promise.all([ended, load])
    return requests
  }

  const oneOff = (app: string, command: string, timeoutSeconds = patiently(20)): OneOff => ({
    app,
    release: 1,
    artifact: harness().artifact,
    env: { GREETING: 'hello' },
    tags: {},
    registry: {},
    pullPolicy: 'IfNotPresent',
    command,
    timeoutSeconds,
  })
  const run = async (app: string, command: string): Promise<[code: number, output: string]> => {
    let output = ''
    const take = (chunk: string): void => void (output += chunk)
    const code = await harness().scheduler().run(oneOff(app, command), { output: take, signal: never })
    return [code, output]
  }

  const routed = async (app: string): Promise<boolean> =>
    (await harness().scheduler().upstreams(app)).addresses.length > 0

  return {
    newApp,
    until: inTime,
    web,
    formation,
    apply,
    observe,
    settled,
    answering,
    failure,
    underLoad,
    oneOff,
    run,
    routed,
  }
}
