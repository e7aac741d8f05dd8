// Has a build changed its cache, and how large is the cache?
import { execFile } from 'node:child_process'
import type Crypto from 'node:crypto'
import type Fs from 'node:fs'
import { promisify } from 'node:util'
import type { RunAs } from '@deis/machine/accounts'

export type Fingerprint = { readonly hash: string; readonly size: number; readonly files: number }

/**
 * Which files there are in the working directory, how large and how old: changes whenever a tool puts something there. Times in
 * seconds and of files only, which is what a cache keeps that travels in an archive. Its text is run by `node -e`, so it must
 * not use anything from outside.
 */
function look(load: NodeJS.Require): void {
  const fs = load('node:fs') as typeof Fs
  const { createHash } = load('node:crypto') as typeof Crypto
  const hash = createHash('sha256')
  let size = 0
  let files = 0
  // Not by calling itself: folders may be nested as deep as a disk allows.
  const folders = ['.']
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = fs.readdirSync(folder, { withFileTypes: true })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        folders.push(path)
        continue
      }
      const found = fs.lstatSync(path)
      hash.update(`${path}\0${found.size}\0${found.isFile() ? Math.floor(found.mtimeMs / 1000) : 0}\n`)
      size += found.size
      files++
    }
  }
  process.stdout.write(JSON.stringify({ hash: hash.digest('hex'), size, files }))
}

/** As the user whose folder it is: nothing there leads further than that user may go. */
export async function fingerprintOf(folder: string, runAs: RunAs | null): Promise<Fingerprint> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', `(${look.toString()})(require)`], {
    cwd: folder,
    env: {},
    ...runAs,
  })
  return JSON.parse(stdout) as Fingerprint
}
