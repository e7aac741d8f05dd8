// Which namespaces of a cluster does a run of the tests make? Whoever ends what a killed run has left has to know.
import { appendFileSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { tmpdir } from 'node:os'

const file = 'namespaces'

type Noted = { readonly kubeconfig: string; readonly prefix: string }

/** Call it before the first one is made: all whose names begin so, with something random in it, are those of this run. */
export function noteNamespaces(prefix: string): string {
  const folder = tmpdir()
  const noted: Noted = { kubeconfig: process.env['KUBECONFIG'] ?? '', prefix }
  // Elsewhere nobody would read it.
  if (basename(folder).startsWith('deis-run-')) appendFileSync(join(folder, file), `${JSON.stringify(noted)}\n`)
  return prefix
}

/** `folder`: of the run. */
export function notedNamespaces(folder: string): Noted[] {
  try {
    const lines = readFileSync(join(folder, file), 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Noted)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
