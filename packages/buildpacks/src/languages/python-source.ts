// Which file of a Python app lists its dependencies, and which files are ignored?
import { BuildFailure } from '@deis/ports/builder'
import type { AppFiles } from '../files.ts'

export type PythonTool = 'uv' | 'poetry' | 'pipenv'

/** `project`: pyproject.toml alone; `package`: the app itself is a package, with a setup.py; null: nothing to install. */
export type PythonSource =
  | { readonly kind: 'requirements' | 'project' | 'package' }
  | { readonly kind: 'lock'; readonly file: string; readonly tool: PythonTool }

const locks = [
  ['uv.lock', 'uv'],
  ['poetry.lock', 'poetry'],
  ['Pipfile.lock', 'pipenv'],
] as const

export type Choice = { readonly source: PythonSource | null; readonly notUsed: readonly string[] }

/** requirements.txt decides, without one a lock file, without that the project's own words. */
export async function choosePythonSource(files: AppFiles): Promise<Choice> {
  const there: (typeof locks)[number][] = []
  for (const lock of locks) if (await files.has(lock[0])) there.push(lock)
  const requirements = await files.has('requirements.txt')
  const [used, ...others] = requirements
    ? ['requirements.txt', ...there.map(([file]) => file)]
    : there.map(([file]) => file)
  const notUsed = others.map(
    (file) => `${file} is not used, because there is ${used}: remove the one that is out of date.`,
  )
  if (requirements) return { source: { kind: 'requirements' }, notUsed }
  const [lock] = there
  if (lock) return { source: { kind: 'lock', file: lock[0], tool: lock[1] }, notUsed }
  if (await files.has('setup.py')) return { source: { kind: 'package' }, notUsed }
  if (await files.has('pyproject.toml')) return { source: { kind: 'project' }, notUsed }
  if (await files.has('Pipfile'))
    throw new BuildFailure(
      'Pipfile alone is not installed: run `pipenv lock` and commit Pipfile.lock, or add a requirements.txt.',
    )
  return { source: null, notUsed }
}
