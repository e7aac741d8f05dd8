// Which version has the machine's Node.js, without the time that it takes to start it?
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildContext } from './context.ts'

/** Which file this is, whatever its name is now; null: there is none. */
async function identity(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null)
  return found && `${found.dev}:${found.ino}`
}

/**
 * What `node --version` prints in a build if that is the program that runs us: as long as it runs nobody can write to its file,
 * and that other users can start it was tried when their accounts were opened. Null: it is another one, or not known.
 */
export async function ownNodeVersion({ files, env }: Pick<BuildContext, 'files' | 'env'>): Promise<string | null> {
  for (const folder of (env.PATH ?? '').split(':')) {
    if (!folder.startsWith('/')) return null
    const path = join(folder, 'node')
    if (!(await files.has(path))) continue
    const [own, found] = await Promise.all([identity('/proc/self/exe'), identity(path)])
    return own !== null && own === found ? process.version : null
  }
  return null
}
