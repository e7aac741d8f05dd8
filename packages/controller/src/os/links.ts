// How are an archive's symbolic links made without anything ever being written through one?
import { lstat, mkdir, symlink } from 'node:fs/promises'
import { join, posix } from 'node:path'

export type SymbolicLink = { readonly path: string; readonly target: string }

async function enter(folder: string): Promise<boolean> {
  try {
    return (await lstat(folder)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(folder)
    return true
  }
}

/**
 * Makes links below `folder`, whatever they point to. To be called when all files are there, so that no file can have gone
 * through a link; every folder on the way to a link is looked at, so that no link goes through another one either.
 * @returns why a link was refused, or null when all were made.
 */
export async function placeLinks(folder: string, links: readonly SymbolicLink[]): Promise<string | null> {
  for (const { path, target } of links) {
    const steps = posix
      .normalize(path)
      .split('/')
      .filter((step) => step !== '' && step !== '.')
    const name = steps.pop()
    if (name === undefined || steps.includes('..') || name === '..')
      return `${JSON.stringify(path)} is no place for a link`
    let parent = folder
    for (const step of steps) {
      parent = join(parent, step)
      if (!(await enter(parent))) return `${JSON.stringify(path)} leads through a link or a file`
    }
    try {
      await symlink(target, join(parent, name))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') return `${JSON.stringify(path)} is there twice`
      if (code === 'ENAMETOOLONG') return 'a name in the archive is too long'
      throw error
    }
  }
  return null
}
