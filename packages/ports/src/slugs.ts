// What does the controller ask of a backend that keeps slugs, to move an app to another installation?
import type { Readable } from 'node:stream'

export type SlugStore = {
  /** Null: there is no such slug. The file stays readable while it is open, whatever is deleted meanwhile. */
  open(digest: string): Promise<{ readonly size: number; readonly content: Readable } | null>
  /**
   * Takes a copy of a file of this digest; a slug that is there already counts as made now.
   * @throws for one that cannot be unpacked within the limits
   */
  put(digest: string, file: string, signal: AbortSignal): Promise<void>
}
