// Which files of the source does an app's project.toml leave to its build?
import ignore from 'ignore'
import type { Project } from './project-toml.ts'

/**
 * Whether a file is part of the build, by its path in the source without a slash at its ends; null: all are. A folder is kept
 * where one of its files is.
 */
export function sourceFilter({
  include,
  exclude,
}: Pick<Project, 'include' | 'exclude'>): ((path: string) => boolean) | null {
  const patterns = include ?? exclude
  if (patterns === null) return null
  const matcher = ignore().add([...patterns])
  return (path) => matcher.ignores(path) === (include !== null)
}
