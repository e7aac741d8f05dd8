// Which shell runs the commands of Procfiles and buildpacks?
import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'

/** The first bash on the path, else sh: buildpacks need bash, and a machine may not have it. */
export function findShell(path: string): string {
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder))
  for (const name of ['bash', 'sh'])
    for (const folder of folders) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {
        // Not in this folder.
      }
    }
  return '/bin/sh'
}
