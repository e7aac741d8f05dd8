// Did a build fail because the disk of the engine is full, and what can be done?
import { BuildFailure } from '@deis/ports/builder'
import { messageOf } from '@deis/types'
import type { Engine } from '../engine/engine.ts'
import { freeSpace } from './usage.ts'

const told = /no space left on device|\bENOSPC\b|disk quota exceeded/i
/** What is printed at the end counts: a build may have gone on without a file. */
const tailLength = 8192
/** With less, a registry on this disk refuses an image, and does not tell why. Bytes. */
const leastFree = 16 * 1024 * 1024

const hint =
  'The disk of the Docker Engine is full, most likely. Caches of builds were deleted: push again. If that fails, too, make the build smaller, or have an administrator free some space (docker system df).'

export type DiskWatch = {
  /** Takes what the build prints. */
  write(text: string): void
  isFull(error: unknown): Promise<boolean>
}

export function watchDisk(engine: Engine, write: (text: string) => void): DiskWatch {
  let tail = ''
  return {
    write(text) {
      tail = (tail + text).slice(-tailLength)
      write(text)
    },
    async isFull(error) {
      if (told.test(messageOf(error)) || (error instanceof BuildFailure && told.test(tail))) return true
      const space = await freeSpace(engine)
      return space !== null && space.free < leastFree
    },
  }
}

/** Pure: the same failure, with what to do. */
export function fullDiskFailure(error: unknown): BuildFailure {
  const message = messageOf(error).replace(/\.$/, '')
  return error instanceof BuildFailure
    ? new BuildFailure(`${message}. ${hint}`, error.exitCode)
    : new BuildFailure(`The build failed: ${message}. ${hint}`)
}
