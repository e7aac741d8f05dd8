// How does a slug become the layer of an image: whose files, where, and with which launcher?
import type { Readable } from 'node:stream'
import type { Archiver, RelayFile } from '@deis/machine/archive'
import { launcher, processFolder } from './launcher.ts'

/** Of the platform: nobody but root writes them. */
function runner(processes: Readonly<Record<string, string>>): RelayFile[] {
  const folder = processFolder.slice(1)
  return [
    { path: 'runner/', mode: 0o755, text: null },
    { path: 'runner/init', mode: 0o755, text: launcher },
    { path: `${folder}/`, mode: 0o755, text: null },
    ...Object.entries(processes).map(([type, command]) => ({
      path: `${folder}/${type}`,
      mode: 0o644,
      text: `${command}\n`,
    })),
  ]
}

/**
 * A tar with the launcher and the slug's files below `app/`, owned by `user`; depends on nothing but the slug and the
 * processes. It fails with BadArchive when the slug is not what a slug is.
 */
export function slugLayer(
  archiver: Archiver,
  slug: Readable,
  user: number,
  processes: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Readable {
  return archiver.relay(slug, { files: runner(processes), folder: 'app', user }, { signal })
}
