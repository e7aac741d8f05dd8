// How is a built app packed into a slug: what is left out, and how is it named?
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ArchiveFailure, type OpenFolder, type Packed } from '@deis/machine/archive'
import { slugFile } from '@deis/machine/slugs'
import { BuildFailure } from '@deis/ports/builder'
import type { BuildContext } from './context.ts'

// A third less CPU than level 6, for 4 % more bytes.
const level = 4

const maxIgnored = 32 * 2 ** 20

/**
 * What `.slugignore` excludes: read as git reads a `.gitignore` (also `!` and `**`), by git itself and as the app's user.
 * It applies to the result, so that a build may use what the slug leaves out. Folders end with `/`.
 */
export async function ignoredPaths(context: BuildContext): Promise<ReadonlySet<string>> {
  if (!(await context.files.has('.slugignore'))) return new Set()
  const repository = join(context.workspace.tmp, 'slugignore.git')
  const env = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  const list = ['ls-files', '-z', '--others', '--ignored', '--directory', '--exclude-from=.slugignore']
  const init = await context.capture('git', ['init', '--quiet', '--bare', '--', repository], { env })
  const listed = await context.capture('git', [`--git-dir=${repository}`, '--work-tree=.', ...list], {
    env,
    limit: maxIgnored,
  })
  if (init.code !== 0 || listed.code !== 0)
    throw new BuildFailure(`.slugignore could not be applied: ${(init.stderr || listed.stderr).trim()}`)
  if (listed.stdout.length >= maxIgnored) throw new BuildFailure('.slugignore matches too many files: name folders.')
  return new Set(listed.stdout.split('\0'))
}

type Settings = { readonly slugFolder: string; readonly maxSlugBytes: number }

/**
 * Packs the app into the slug folder; a slug appears there at once and complete. Folders named `.git` stay out. `settle`: see
 * machine/src/folder.ts.
 */
export async function makeSlug(
  { slugFolder, maxSlugBytes }: Settings,
  app: OpenFolder,
  build: string,
  ignored: ReadonlySet<string>,
  settle: boolean,
): Promise<Packed> {
  const partial = join(slugFolder, `.${build}.partial`)
  try {
    const slug = await app.pack(partial, {
      skip: [...ignored],
      skipNames: ['.git'],
      level,
      archiveBytes: maxSlugBytes,
      settle,
    })
    await rename(partial, slugFile(slugFolder, slug.digest))
    return slug
  } catch (error) {
    if (!(error instanceof ArchiveFailure)) throw error
    throw new BuildFailure(`The slug cannot be made: ${error.message}.`)
  } finally {
    await rm(partial, { force: true })
  }
}
