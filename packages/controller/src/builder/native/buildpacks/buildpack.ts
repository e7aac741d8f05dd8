// What is a built-in buildpack?
import type { AppFiles } from '../files.ts'
import type { Kit } from '../kit.ts'

export type Buildpack = {
  readonly name: string
  /** The files that make it apply, for people. */
  readonly looksFor: string
  /** What must work for the app's user, called with `args` to find out; null: nothing. */
  readonly tool: { readonly command: string; readonly args: readonly string[] } | null
  detect(files: AppFiles): Promise<boolean>
  compile(kit: Kit): Promise<void>
  release(kit: Kit): Promise<Record<string, string>>
}

/**
 * The config variables that a buildpack imports into its tools' environment, as the buildpack API wants it: selected by
 * name, never all. Secrets such as DATABASE_URL do not reach package scripts.
 */
export function imported(kit: Kit, names: RegExp): Record<string, string> {
  return Object.fromEntries(Object.entries(kit.config).filter(([name]) => names.test(name)))
}
