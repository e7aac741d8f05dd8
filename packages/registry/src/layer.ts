// How is one layer of an image read, within a limit and with its content verified?
import { createHash } from 'node:crypto'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BadContent } from './failure.ts'
import type { Image } from './image.ts'

/** Null: the image has no layer whose tar has this digest. @throws BadContent */
export async function readLayer<T>(
  { repository, manifest, config }: Image,
  diffId: string,
  limit: number,
  use: (content: Readable) => Promise<T>,
  signal: AbortSignal,
): Promise<T | null> {
  const layer = manifest.layers[config.rootfs.diff_ids.indexOf(diffId)]
  if (!layer) return null
  const { digest, size } = layer
  if (size > limit) throw new BadContent(`its layer ${digest} has more than ${limit} bytes`)
  return repository.stream(
    digest,
    async (stored) => {
      const hash = createHash(digest.slice(0, digest.indexOf(':')))
      let left = size
      const checked = new Transform({
        transform(chunk: Buffer, _, done) {
          left -= chunk.length
          hash.update(chunk)
          done(left < 0 ? new BadContent(`its layer ${digest} is longer than announced`) : null, chunk)
        },
      })
      // What reads it may end early; what sends it then ends as well.
      const sent = pipeline(stored, checked, { signal })
      const [used, all] = await Promise.allSettled([use(checked), sent])
      if (all.status === 'rejected' && all.reason instanceof BadContent) throw all.reason
      if (used.status === 'rejected') throw used.reason
      if (all.status === 'rejected') throw all.reason
      if (left !== 0 || !digest.endsWith(`:${hash.digest('hex')}`))
        throw new BadContent(`its layer ${digest} has other content`)
      return used.value
    },
    signal,
  )
}
