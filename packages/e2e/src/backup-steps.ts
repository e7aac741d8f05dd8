// How do tests make and restore backups of a platform with the real program, and what is there afterwards?
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Result, run } from './child.ts'
import { cleanEnv, type Platform, root } from './platform.ts'

export const serverProgram = join(root, 'dist/server/main.js')

export const isSqlite = !process.env['DATABASE_URL']?.startsWith('postgres')

/** What a restored data folder has. */
export const inFolder = ['keys', 'repos', 'slugs', ...(isSqlite ? ['state'] : [])]

export type Backups = {
  server(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Result>
  /** Oldest first. */
  names(): Promise<string[]>
  newest(): Promise<string>
}

export function backupsOf(platform: Platform): Backups {
  const target = join(platform.folder, 'backups')
  const names = async (): Promise<string[]> =>
    (await readdir(target)).filter((name) => /\.tar\.gz(\.age)?$/.test(name)).toSorted()
  return {
    names,
    newest: async () => join(target, (await names()).at(-1) ?? ''),
    server: (args, env = {}) =>
      run(process.execPath, [serverProgram, ...args], {
        cwd: platform.folder,
        env: {
          ...cleanEnv(),
          DEIS_DATA_DIR: platform.dataDir,
          DEIS_BACKUP_TO: target,
          NO_COLOR: '1',
          ...platform.database.env,
          ...env,
        },
      }),
  }
}
