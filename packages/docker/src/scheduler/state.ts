// Which containers of an app serve, for the next controller, when this one is killed?
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Check } from 'typebox/value'

const State = Type.Object({ serving: Type.Array(Type.String(), { maxItems: 10_000 }) })
const maxBytes = 1024 * 1024

const fileOf = (folder: string, app: string): string => join(folder, `${app}.json`)

/** In one step: new containers replace old ones all at once. */
export async function saveServing(folder: string, app: string, serving: readonly string[]): Promise<void> {
  const file = fileOf(folder, app)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify({ serving }), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Null: none was ever stored. @throws Error when the file cannot be read */
export async function loadServing(folder: string, app: string): Promise<ReadonlySet<string> | null> {
  let text: string
  try {
    text = await readFile(fileOf(folder, app), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const state: unknown = text.length > maxBytes ? null : JSON.parse(text)
  if (!Check(State, state)) throw new Error(`${fileOf(folder, app)} does not say which containers serve`)
  return new Set(state.serving)
}

export async function forgetServing(folder: string, app: string): Promise<void> {
  await rm(fileOf(folder, app), { force: true })
}
