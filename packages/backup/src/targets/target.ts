// What does a backup need of the storage that it is put in?
import type { Readable } from 'node:stream'

export type Stored = { readonly name: string; readonly bytes: number }

export type Target = {
  /** As the operator wrote it. */
  readonly title: string
  /** Whether others than this machine hold what is written: then it has to be encrypted. */
  readonly offSite: boolean
  /** Free bytes; null: unknown. */
  free(): Promise<number | null>
  /** It is there whole under this name, or not at all. */
  write(name: string, source: Readable, signal: AbortSignal): Promise<void>
  read(name: string, signal: AbortSignal): Promise<Readable>
  /** Null: there is none. @throws when it is longer. */
  readText(name: string, longest: number): Promise<string | null>
  writeText(name: string, text: string): Promise<void>
  list(): Promise<Stored[]>
  remove(name: string): Promise<void>
}
