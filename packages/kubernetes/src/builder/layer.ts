// How is a slug turned into the layer of an image: with which owners, paths and launcher?
import type { Readable } from 'node:stream'
import type { Archiver, RelayFile } from '@deis/machine/archive'
import { launcher, processFolder } from './launcher.ts'

/** The platform's own files, which only root can write. */
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
 * A tar with the launcher and the slug's files below `app/`, owned by `user`; depends only on the slug and the processes. It
 * fails with ArchiveFailure if the slug is invalid.
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
