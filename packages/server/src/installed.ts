// Which settings does the platform have that is installed on this machine?
import { readFile } from 'node:fs/promises'
import type { Io } from './io.ts'
import { readEnv } from './install/env-file.ts'
import { layout } from './layout.ts'

/** Those of the installation's files; a variable of this program's own environment counts before them. */
export async function installedSettings({ env }: Io): Promise<Readonly<Record<string, string | undefined>>> {
  // Of another platform than the installed one.
  if (env['DEIS_DATA_DIR']) return env
  const files = await Promise.all(
    [layout.controllerEnv, layout.keysEnv].map((file) =>
      readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      }),
    ),
  )
  return { ...Object.assign({}, ...files.map((text) => Object.fromEntries(readEnv(text)))), ...env }
}
