// What does a measurement open, and how is all of it surely closed again?
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Ends run in the opposite order; one that fails does not keep the others from running. */
export function openScope(signal) {
  const ends = []
  return {
    signal,
    defer: (end) => void ends.push(end),
    /** A folder that also the users of apps can pass through. */
    folder() {
      const path = mkdtempSync(join(tmpdir(), 'deis-bench-'))
      chmodSync(path, 0o755)
      ends.push(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
      return path
    },
    async close() {
      for (const end of ends.splice(0).toReversed())
        try {
          await end()
        } catch (error) {
          console.error(`cleaning up after a measurement: ${error.message}`)
        }
    },
  }
}
