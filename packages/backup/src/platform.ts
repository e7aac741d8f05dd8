// What does a backup have to know of the platform that it is made of?
import { join } from 'node:path'
import type { Config } from '@deis/controller/config'
import type { Git } from '@deis/git/git'
import { DeisError } from '@deis/types'

export type Platform = {
  readonly dataDir: string
  /** Of SQLite. */
  readonly databaseFile: string
  readonly git: Git
  readonly scheduler: Config['scheduler']
  /** Given by a setting; null: it is in a file of `keys/`. */
  readonly secretKey: Buffer | null
  readonly slugs: 'current' | 'all'
}

export function platformOf(config: Config): Platform {
  if (!config.databaseUrl.startsWith('file:'))
    throw new DeisError('invalid', 'Backups of a platform on PostgreSQL are not made by this program.', {
      hint: 'Use pg_dump for the database, and keep a copy of "keys" and "repos" of the data folder with it.',
    })
  return {
    dataDir: config.dataDir,
    databaseFile: config.databaseUrl.slice('file:'.length),
    git: { program: 'git', path: config.path, folder: join(config.dataDir, 'repos') },
    scheduler: config.scheduler,
    secretKey: config.secretKey === undefined ? null : Buffer.from(config.secretKey, 'hex'),
    slugs: config.backup.slugs,
  }
}
