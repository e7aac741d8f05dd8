// What is printed about submodules that were not fetched?
import type { Submodule } from '@deis/lib/git-tree/measure'
import type { BuildOutput } from './output.ts'

/** The folder of such a submodule is empty in the build: the user gets a warning for each. */
export function warnSubmodules(output: Pick<BuildOutput, 'warn'>, submodules: readonly Submodule[]): void {
  for (const { path, why } of submodules)
    output.warn(
      `Submodule ${path} was not fetched${why === undefined ? '' : ` (${why})`}, so its folder is empty. Commit its files if the app needs them.`,
    )
}
