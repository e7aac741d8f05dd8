// Which commands make backups, list them and restore one? What they do is loaded when it is asked for.
import { fileURLToPath } from 'node:url'
import { readConfig } from '@deis/controller/config'
import { Command } from 'commander'
import type { Io } from '../io.ts'
import { installedSettings } from '../installed.ts'

type Common = { readonly to?: string }

/** Beside this program, as the build has them. */
const dist = (): string => fileURLToPath(new URL('..', import.meta.url))

function forBackups({ out, err, signal, env }: Io) {
  const isTerminal = process.stdout.isTTY && !env['NO_COLOR']
  return {
    out,
    error: err,
    red: (text: string): string => (isTerminal ? `\u001B[31m${text}\u001B[39m` : text),
    cwd: process.cwd(),
    now: () => new Date(),
    signal,
  }
}

export function backup(io: Io, failed: () => void): Command {
  return new Command('backup')
    .description('back up the platform while it is in use, and prove that the backup restores')
    .option('--to <target>', 'a folder, or s3://bucket/prefix (default: DEIS_BACKUP_TO)')
    .action(async (options: Common) => {
      const { backup } = await import('@deis/backup/commands/backup')
      const { programsIn } = await import('@deis/backup/programs')
      const config = readConfig(await installedSettings(io), process.cwd())
      if ((await backup(config, options, programsIn(dist()), forBackups(io))) !== 0) failed()
    })
}

export function backups(io: Io, failed: () => void): Command {
  return new Command('backups')
    .description('list backups; the exit code is 1 if the newest is not proven or too old')
    .option('--to <target>', 'where they are (default: DEIS_BACKUP_TO)')
    .action(async (options: Common) => {
      const { backups } = await import('@deis/backup/commands/backup')
      if ((await backups(readConfig(await installedSettings(io), process.cwd()), options, forBackups(io))) !== 0)
        failed()
    })
}

export function restore(io: Io, failed: () => void): Command {
  return new Command('restore')
    .description('restore a platform from a backup, into an empty data folder')
    .argument('<backup>', 'a file, s3://bucket/prefix/name, or the name of a backup in DEIS_BACKUP_TO')
    .option('--to <folder>', 'the data folder (default: DEIS_DATA_DIR)')
    .option('--identity <file>', 'file with the private key of age')
    .option('--passphrase-file <file>', 'file with the passphrase')
    .option('--replace', 'move what is in the data folder aside', false)
    .action(
      async (file: string, options: Common & { replace: boolean; identity?: string; passphraseFile?: string }) => {
        const { restore } = await import('@deis/backup/commands/restore')
        const { programsIn } = await import('@deis/backup/programs')
        const config = readConfig(await installedSettings(io), process.cwd())
        if ((await restore(config, file, options, programsIn(dist()), forBackups(io))) !== 0) failed()
      },
    )
}

export function backupKey(io: Io, failed: () => void): Command {
  return new Command('backup-key')
    .description('make a key for encrypted backups')
    .argument('<file>', 'where the private key is written')
    .action(async (file: string) => {
      const { backupKey } = await import('@deis/backup/commands/restore')
      if ((await backupKey(file, forBackups(io))) !== 0) failed()
    })
}
