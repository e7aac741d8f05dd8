// What is a built-in buildpack?
import type { AppFiles } from '../files.ts'
import type { BuildContext } from '../context.ts'

export type Buildpack = {
  readonly name: string
  /** The files that make it apply, for people. */
  readonly looksFor: string
  /** What must work for the app's user, called with `args` to find out; null: nothing. */
  readonly tool: { readonly command: string; readonly args: readonly string[] } | null
  detect(files: AppFiles): Promise<boolean>
  /**
   * `printed`: what the tool said when it was called.
   * @returns the environment that later commands of the build need beside the context's, such as a PATH.
   */
  compile(context: BuildContext, printed: string): Promise<Record<string, string>>
  release(context: BuildContext): Promise<Record<string, string>>
}
