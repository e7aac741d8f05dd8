// How is a slug turned into the layer of an image: with which owners, paths and launcher?
import type { Readable } from 'node:stream'
import type { Archiver, RelayFile } from '@deis/machine/archive'
import { readProfile } from '@deis/machine/profile'
import launcher from './programs/slug-launcher.sh'

/** One file for each process type, with its command. */
const processFolder = 'runner/processes'

/** The platform's own files, which only root can write. */
function runner(processes: Readonly<Record<string, string>>): RelayFile[] {
  return [
    { path: 'runner/', mode: 0o755, text: null },
    { path: 'runner/init', mode: 0o755, text: launcher },
    { path: 'runner/profile', mode: 0o644, text: `${readProfile}\n` },
    { path: `${processFolder}/`, mode: 0o755, text: null },
    ...Object.entries(processes).map(([type, command]) => ({
      path: `${processFolder}/${type}`,
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
