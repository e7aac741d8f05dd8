// How is a place that keeps images used and closed again, with a failure that says what to do?
import { DeisError, messageOf } from '@deis/types'
import { codeOf } from './files.ts'

/** What to do when images cannot be saved, or not be loaded. */
export const saveHint = 'A backup without images: DEIS_BACKUP_IMAGES=none'
export const loadHint = 'Nothing was restored. Run the same command again when the engine works.'

/** Null: it has none to open. @throws DeisError with the hint, or why `signal` was aborted */
export async function withStored<S extends { close(): void }, T>(
  open: () => Promise<S | null>,
  { signal, hint }: { readonly signal: AbortSignal; readonly hint: string },
  work: (stored: S) => Promise<T>,
): Promise<T | null> {
  let stored: S | null = null
  try {
    stored = await open()
    return stored && (await work(stored))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof DeisError) throw error
    throw new DeisError('unavailable', messageOf(error), { hint, cause: error })
  } finally {
    stored?.close()
  }
}

/** What copying images fails with. */
export function copyFailure(error: unknown): unknown {
  if (codeOf(error) !== 'ENOSPC') return error
  return new DeisError('unavailable', 'The images could not be copied: the disk is full.', {
    hint: 'Free some space, or leave them out: DEIS_BACKUP_IMAGES=none',
    cause: error,
  })
}
