// What does the process scheduler still know after the controller was killed?
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Identity } from '@deis/machine/pid'

/**
 * - `starting`: not ready yet; ended when its controller is gone
 * - `serving`: what the last successful apply or restart wanted
 * - `stopping`: no longer wanted; it drains or ends
 * - `one-off`: a caller waits for its end
 */
export type Stage = 'starting' | 'serving' | 'stopping' | 'one-off'

/** One pod on disk. No command, env or probe: those may contain secrets, and come with the next apply. */
export type PodRecord = {
  readonly name: string
  readonly type: string
  readonly release: number
  readonly stage: Stage
  readonly port: number
  readonly graceSeconds: number
  readonly started: string
  /** Null: none was started, or it has ended. */
  readonly process: Identity | null
  /** Set while the pod takes requests. */
  readonly address: string | null
}

type State = { readonly pods: readonly PodRecord[] }

const fileName = 'state.json'

export function podsFolder(folder: string): string {
  return join(folder, 'pods')
}

export function appFolder(folder: string, app: string): string {
  return join(podsFolder(folder), app)
}

export function podFolder(folder: string, app: string, pod: string): string {
  return join(appFolder(folder, app), pod)
}

export function logFile(folder: string, app: string): string {
  return join(folder, 'logs', `${app}.log`)
}

/** All records of an app in one file that is replaced as a whole: pods replace others in one step. */
export async function saveState(folder: string, app: string, pods: readonly PodRecord[]): Promise<void> {
  const file = join(appFolder(folder, app), fileName)
  await mkdir(appFolder(folder, app), { recursive: true, mode: 0o711 })
  await writeFile(`${file}.new`, JSON.stringify({ pods } satisfies State), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

export type Found = {
  readonly app: string
  readonly records: readonly PodRecord[]
  /** Pods with a folder but no record. */
  readonly orphans: readonly string[]
}

async function foldersIn(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true })).filter((one) => one.isDirectory()).map((one) => one.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Everything that was left behind. A file that cannot be read counts as missing: its pods are then orphans. */
export async function loadStates(folder: string, unreadable: (app: string, error: unknown) => void): Promise<Found[]> {
  const apps = await foldersIn(podsFolder(folder))
  return Promise.all(
    apps.map(async (app) => {
      let records: readonly PodRecord[] = []
      try {
        const { pods } = JSON.parse(await readFile(join(appFolder(folder, app), fileName), 'utf8')) as Partial<State>
        if (!Array.isArray(pods)) throw new Error(`"${fileName}" does not contain a list of pods`)
        records = pods
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable(app, error)
      }
      const known = new Set(records.map((record) => record.name))
      return { app, records, orphans: (await foldersIn(appFolder(folder, app))).filter((name) => !known.has(name)) }
    }),
  )
}
