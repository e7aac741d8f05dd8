// Has a folder changed, and how large is it? Runs in the archive program only.
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync } from 'node:fs'
import type { Fingerprint } from './order.ts'

/**
 * Of the working folder: which files there are, how large and how old. It changes whenever a tool puts something there. Times
 * in seconds and of files only, which is what a cache keeps that travels in an archive.
 */
export function fingerprint(): Fingerprint {
  const hash = createHash('sha256')
  let size = 0
  let files = 0
  // Not by calling itself: folders may be nested as deep as a disk allows.
  const folders = ['.']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readdirSync(folder, { withFileTypes: true })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        folders.push(path)
        continue
      }
      const found = lstatSync(path)
      hash.update(`${path}\0${found.size}\0${found.isFile() ? Math.floor(found.mtimeMs / 1000) : 0}\n`)
      size += found.size
      files++
    }
  }
  return { hash: hash.digest('hex'), size, files }
}
