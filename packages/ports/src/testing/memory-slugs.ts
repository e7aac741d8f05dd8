// Where do tests keep slugs? In memory, by the same rules as a backend.
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { SlugStore } from '../slugs.ts'

export type MemorySlugs = SlugStore & { readonly all: Map<string, Buffer> }

export function createMemorySlugs(): MemorySlugs {
  const all = new Map<string, Buffer>()
  return {
    all,
    async open(digest) {
      const slug = all.get(digest)
      return slug ? { size: slug.length, content: Readable.from([slug], { objectMode: false }) } : null
    },
    async put(digest, file) {
      if (!all.has(digest)) all.set(digest, await readFile(file))
    },
  }
}
