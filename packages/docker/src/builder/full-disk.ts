// Did a build fail because a disk is full, which one, and what can be done?
import { BuildFailure } from '@deis/ports/builder'
import { messageOf } from '@deis/types'
import type { Engine } from '../engine/engine.ts'
import { PushFailure } from '../engine/push.ts'
import { freeSpace } from './usage.ts'

const told = /no space left on device|\bENOSPC\b|disk quota exceeded/i
/** What is printed at the end counts: a build may have gone on without a file. */
const tailLength = 8192
/** With less, a registry on this disk refuses an image, and does not tell why. Bytes. */
const leastFree = 16 * 1024 * 1024

/** `engine` is also what is most likely: where a command of a build wrote is not known. `platform`: of this controller. */
export type FullDisk = 'engine' | 'platform' | 'registry'

const hints: Readonly<Record<FullDisk, string>> = {
  engine:
    'The disk of the Docker Engine is full, most likely. Caches of builds were deleted: push again. If that fails, too, make the build smaller, or have an administrator free some space (docker system df).',
  platform: 'The disk of the platform is full: have an administrator free some space there, then push again.',
  registry:
    'The disk of that registry is full, most likely: have an administrator free some space there, then push again.',
}

export type DiskWatch = {
  /** Takes what the build prints. */
  write(text: string): void
  /** Null: none is, as far as is known. */
  full(error: unknown): Promise<FullDisk | null>
}

export function watchDisk(engine: Engine, write: (text: string) => void): DiskWatch {
  let tail = ''
  return {
    write(text) {
      tail = (tail + text).slice(-tailLength)
      write(text)
    },
    async full(error) {
      const isTold = told.test(messageOf(error))
      const space = await freeSpace(engine)
      // The platform's may be the same one.
      if (space !== null && space.free < leastFree) return 'engine'
      if (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'platform'
      if (isTold && error instanceof Error && error.cause instanceof PushFailure) return 'registry'
      return isTold || (error instanceof BuildFailure && told.test(tail)) ? 'engine' : null
    },
  }
}

/** Pure: the same failure, with what to do. */
export function fullDiskFailure(error: unknown, disk: FullDisk): BuildFailure {
  const message = messageOf(error).replace(/\.$/, '')
  return error instanceof BuildFailure
    ? new BuildFailure(`${message}. ${hints[disk]}`, error.exitCode)
    : new BuildFailure(`The build failed: ${message}. ${hints[disk]}`)
}
