// What becomes of the other repositories that a source refers to?
import type { Submodule } from '@deis/lib/git-tree/measure'
import type { BuildOutput } from './output.ts'

/** A folder of a submodule is empty in what is built: whoever pushes is told, for each. */
export function nameSubmodules(output: Pick<BuildOutput, 'warn'>, submodules: readonly Submodule[]): void {
  for (const { path, why } of submodules)
    output.warn(
      `Submodule ${path} is not fetched${why === undefined ? '' : ` (${why})`}, its folder is empty: commit its files themselves if the app needs them`,
    )
}
