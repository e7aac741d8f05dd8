// Where is the slug of a digest kept?
import { join } from 'node:path'

const digestPattern = /^sha256:([0-9a-f]{64})$/

/** The file of a slug; refuses anything that is not a digest, so that no other path can be named. */
export function slugFile(folder: string, digest: string): string {
  const hex = digestPattern.exec(digest)?.[1]
  if (!hex) throw new Error(`${JSON.stringify(digest)} is not a slug digest`)
  return join(folder, `${hex}.tgz`)
}
