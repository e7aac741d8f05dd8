// What does a backup have to know of the platform that it is made of?
import { join } from 'node:path'
import type { Config } from '@deis/controller/config'
import type { Git } from '@deis/git/git'

export type Platform = {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly git: Git
  readonly scheduler: Config['scheduler']
  /** Given by a setting; null: it is in a file of `keys/`. */
  readonly secretKey: Buffer | null
  readonly slugs: 'current' | 'all'
  /** Null: not on Docker. */
  readonly images: { readonly which: Config['backup']['images']; readonly engine: Config['docker'] } | null
}

export function platformOf(config: Config): Platform {
  return {
    dataDir: config.dataDir,
    databaseUrl: config.databaseUrl,
    git: { program: 'git', path: config.path, folder: join(config.dataDir, 'repos') },
    scheduler: config.scheduler,
    secretKey: config.secretKey === undefined ? null : Buffer.from(config.secretKey, 'hex'),
    slugs: config.backup.slugs,
    images: config.scheduler === 'docker' ? { which: config.backup.images, engine: config.docker } : null,
  }
}
