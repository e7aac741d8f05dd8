// What do `deis-server restore` and `deis-server backup-key` do?
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { Config } from '@deis/controller/config'
import { DeisError } from '@deis/types'
import { codeOf, unless } from '../files.ts'
import { timeOfName } from '../format/names.ts'
import { type KeyFiles, newKey, openingOf } from '../keys.ts'
import type { Programs } from '../programs.ts'
import { restore as restoreInto, schemaOf } from '../restore/restore.ts'
import { openTarget } from '../targets/open.ts'
import type { Io } from './io.ts'

type Options = KeyFiles & { readonly to?: string; readonly replace: boolean }

/** A file, an object of a store, or the name of one of the platform's own backups. */
async function openFile(config: Config, file: string, io: Io): Promise<() => Promise<Readable>> {
  const path = resolve(io.cwd, file)
  if (!file.startsWith('s3://') && (await unless(stat(path), 'ENOENT', null)) !== null)
    return async () => createReadStream(path)
  const at = file.lastIndexOf('/')
  const name = file.slice(at + 1)
  if (timeOfName(name) === null || (at >= 0 && !file.startsWith('s3://')))
    throw new DeisError('not_found', `There is no backup "${file}".`, {
      hint: 'List those that are there: deis-server backups',
    })
  const target = await openTarget(config, at < 0 ? undefined : file.slice(0, at), io.cwd, false)
  return () => target.read(name, io.signal)
}

export async function restore(
  config: Config,
  file: string,
  options: Options,
  programs: Programs,
  io: Io,
): Promise<number> {
  const dataDir = options.to === undefined ? config.dataDir : resolve(io.cwd, options.to)
  const { now, signal } = io
  const { passphraseFile = config.backup.passphraseFile || undefined, identity } = options
  const opening = await openingOf({ identity, passphraseFile: identity === undefined ? passphraseFile : undefined })
  const open = await openFile(config, file, io)
  const done = await restoreInto({
    dataDir,
    config,
    open,
    opening,
    replace: options.replace,
    programs,
    now,
    signal,
    say: (line) => io.out(`  ${line}`),
  })
  if (done.carriedOn) io.out('A restore that was interrupted is finished.')
  io.out(`"${dataDir}" has the platform of ${done.createdAt} with ${done.apps} app(s).`)
  if (done.kept)
    io.out(`What was there is in "${join(dataDir, done.replaced)}": delete it when you do not need it any more.`)
  if (options.replace && done.schema !== null)
    io.out(`If the database had tables of a platform, they are in its schema "${schemaOf(done.replaced)}".`)
  io.out('Start the platform: its apps start with it.')
  return 0
}

/** `deis-server backup-key FILE`. */
export async function backupKey(file: string, io: Io): Promise<number> {
  const path = resolve(io.cwd, file)
  const key = await newKey(io.now())
  try {
    const handle = await open(path, 'wx', 0o600)
    try {
      await handle.writeFile(key.file)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    throw new DeisError('conflict', `"${path}" is there already, so no key was made.`, { cause: error })
  }
  io.out(`The private key is in "${path}". Keep it away from this machine: without it no backup can be restored.`)
  io.out('The public key, for the settings of the platform:')
  io.out(`  DEIS_BACKUP_RECIPIENTS=${key.recipient}`)
  return 0
}
