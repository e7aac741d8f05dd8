// What does the controller ask of whoever keeps the git histories of apps, to move an app to another installation?
import type { Push } from './push.ts'

/** What a build reads of a commit. */
export type CommitSource = Pick<Push, 'source' | 'submodules' | 'withSubmodules'>

export type History = {
  /** Branches and tags, as a bundle. Null: there are none. `contains`: whether the commit is in it. */
  write(app: string, file: string, sha: string, signal: AbortSignal): Promise<{ readonly contains: boolean } | null>
  /** Takes the place of what the app has. @throws Error when the file is not a whole bundle, or has objects that git refuses */
  read(app: string, file: string, signal: AbortSignal): Promise<void>
  /** @throws Error when there is no such commit, or it may not be deployed */
  commit(app: string, sha: string, signal: AbortSignal): Promise<CommitSource>
}
