// Which settings do backups have?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, flag, choice, list } = settingsOf('deis-server')

const count = (usual: number, what: string) => integer(usual, 0, 10_000, `how many proven backups are kept: ${what}`)

export const backupSettings = {
  DEIS_BACKUP_EVERY_HOURS: integer(0, 0, 8760, 'how often the controller makes a backup; 0: never', {
    programs: ['controller'],
    unit: 'hours',
  }),
  DEIS_BACKUP_TO: text('', 'where backups are stored: a folder, or `s3://bucket/prefix`', {
    usually: '`backups/` in the data folder',
  }),
  DEIS_BACKUP_RECIPIENTS: list([], 'public keys that backups are encrypted for, `age1…`'),
  DEIS_BACKUP_PASSPHRASE_FILE: text('', 'file with the passphrase that backups are encrypted with, instead of keys'),
  DEIS_BACKUP_SLUGS: choice(
    'current',
    ['current', 'all'],
    'which slugs are in a backup: those that run, or all that a rollback may need',
  ),
  DEIS_BACKUP_IMAGES: choice(
    'current',
    ['current', 'all', 'none'],
    'which images that a Docker Engine or the registry that the platform runs there alone has are in a backup: those that run, all that a rollback may need, or none',
  ),
  DEIS_BACKUP_TRY_APP: flag(
    true,
    'whether a proof unpacks an app, a different one each time, and runs a harmless command in it',
  ),
  DEIS_BACKUP_PROOF_APP: text('', 'app whose web process a proof starts instead, with its config', {
    usually: 'none: real apps would work with their real databases',
  }),
  DEIS_BACKUP_KEEP_LAST: count(7, 'the newest'),
  DEIS_BACKUP_KEEP_DAILY: count(14, 'one a day'),
  DEIS_BACKUP_KEEP_WEEKLY: count(8, 'one a week'),
  DEIS_BACKUP_KEEP_MONTHLY: count(12, 'one a month'),
  DEIS_BACKUP_S3_ENDPOINT: text('', 'URL of a store that speaks S3', { usually: 'that of Amazon' }),
  DEIS_BACKUP_S3_REGION: text('us-east-1', 'region of the bucket'),
  DEIS_BACKUP_S3_PATH_STYLE: flag(false, 'whether the bucket is part of the path, not of the host name'),
} as const

export const backupSections: readonly Section[] = [{ title: 'Backups', settings: backupSettings }]
