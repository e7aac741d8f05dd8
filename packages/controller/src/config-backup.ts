// Which settings of backups did the operator choose?
import type { FlagSetting, SettingNames } from '@deis/types/environment'
import type { Env, Reader } from './config-cluster.ts'

export type BackupSettings = Readonly<{
  /** 0: the controller makes none. */
  everyHours: number
  /** A folder or `s3://bucket/prefix`; empty: a folder in the data folder. */
  to: string
  recipients: readonly string[]
  passphraseFile: string
  slugs: 'current' | 'all'
  /** Of those that a Docker Engine alone has. */
  images: 'current' | 'all' | 'none'
  /** Whether a proof tries an app. */
  tryApp: boolean
  /** The app that a proof starts; empty: none is started. */
  proofApp: string
  keep: Readonly<{ last: number; daily: number; weekly: number; monthly: number }>
  s3: Readonly<{
    endpoint: string
    region: string
    pathStyle: boolean
    /** Null: wherever else the library of Amazon finds them. */
    credentials: Readonly<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }> | null
  }>
}>

/** By the names that Amazon's own programs use. */
function credentialsIn(env: Env): BackupSettings['s3']['credentials'] {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env
  return accessKeyId && secretAccessKey
    ? { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
    : null
}

export function readBackup(
  env: Env,
  { text, number, choice, list, problems }: Reader,
  flag: (name: SettingNames<FlagSetting>) => boolean,
): BackupSettings {
  const settings: BackupSettings = {
    everyHours: number('DEIS_BACKUP_EVERY_HOURS'),
    to: text('DEIS_BACKUP_TO'),
    recipients: list('DEIS_BACKUP_RECIPIENTS'),
    passphraseFile: text('DEIS_BACKUP_PASSPHRASE_FILE'),
    slugs: choice('DEIS_BACKUP_SLUGS'),
    images: choice('DEIS_BACKUP_IMAGES'),
    tryApp: flag('DEIS_BACKUP_TRY_APP'),
    proofApp: text('DEIS_BACKUP_PROOF_APP'),
    keep: {
      last: number('DEIS_BACKUP_KEEP_LAST'),
      daily: number('DEIS_BACKUP_KEEP_DAILY'),
      weekly: number('DEIS_BACKUP_KEEP_WEEKLY'),
      monthly: number('DEIS_BACKUP_KEEP_MONTHLY'),
    },
    s3: {
      endpoint: text('DEIS_BACKUP_S3_ENDPOINT'),
      region: text('DEIS_BACKUP_S3_REGION'),
      pathStyle: flag('DEIS_BACKUP_S3_PATH_STYLE'),
      credentials: credentialsIn(env),
    },
  }
  for (const recipient of settings.recipients)
    if (!/^age1[0-9a-z]{10,}$/.test(recipient))
      problems.push(
        `DEIS_BACKUP_RECIPIENTS must be a list of public keys of age; ${JSON.stringify(recipient)} is not one`,
      )
  if (settings.recipients.length > 0 && settings.passphraseFile !== '')
    problems.push('DEIS_BACKUP_RECIPIENTS and DEIS_BACKUP_PASSPHRASE_FILE cannot be combined: set one of them')
  if (settings.s3.endpoint !== '' && !/^https?:\/\/[^/?#\s]+\/?$/.test(settings.s3.endpoint))
    problems.push(`DEIS_BACKUP_S3_ENDPOINT must be a URL without a path, not ${JSON.stringify(settings.s3.endpoint)}`)
  return settings
}
