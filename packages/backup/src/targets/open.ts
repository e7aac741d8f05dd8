// Which target did the operator choose?
import { isAbsolute, join, resolve } from 'node:path'
import type { Config } from '@deis/controller/config'
import { openFolder } from './folder.ts'
import type { Target } from './target.ts'

type Kept = Pick<Config, 'dataDir' | 'backup'>

export const usualFolder = (dataDir: string): string => join(dataDir, 'backups')

/** `to` counts before the settings. `make`: whether a missing folder is made. @throws DeisError when it cannot be used. */
export async function openTarget(
  { dataDir, backup }: Kept,
  to: string | undefined,
  cwd: string,
  make = true,
): Promise<Target> {
  const chosen = to || backup.to || usualFolder(dataDir)
  if (chosen.startsWith('s3://')) {
    // Only loaded where it is used: it is large.
    const { openS3 } = await import('./s3.ts')
    return openS3(chosen, backup.s3)
  }
  return openFolder(isAbsolute(chosen) ? chosen : resolve(cwd, chosen), make)
}
