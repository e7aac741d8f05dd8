// Which commands does `deis-server` have?
import type { Command } from 'commander'
import { backup, backupKey, backups, restore } from './commands/backup.ts'
import { doctor } from './commands/doctor.ts'
import { installCommand } from './commands/install.ts'
import { uninstallCommand } from './commands/uninstall.ts'
import { upgradeCommand } from './commands/upgrade.ts'
import type { Io } from './io.ts'

/** `failed` makes the exit code 1, for a command that did its work and found something broken. */
export type AddCommand = (io: Io, failed: () => void) => Command

export const commands: readonly AddCommand[] = [
  installCommand,
  upgradeCommand,
  uninstallCommand,
  doctor,
  backup,
  backups,
  restore,
  backupKey,
]
