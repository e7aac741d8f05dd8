// How do files and links change so that a reader, or a machine that loses power, never sees half of one?
import { chmod, lstat, mkdir, open, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'

const beside = (path: string): string => `${path}.new-${process.pid}`

/** Whether something changed. */
export async function putFolder(path: string, mode: number): Promise<boolean> {
  const made = await mkdir(path, { recursive: true, mode: 0o755 })
  const { mode: had } = await lstat(path)
  if (made !== undefined || (had & 0o7777) !== mode) await chmod(path, mode)
  return made !== undefined || (had & 0o7777) !== mode
}

async function same(path: string, content: string, mode: number): Promise<boolean> {
  const found = await lstat(path).catch(() => null)
  return found?.isFile() === true && (found.mode & 0o7777) === mode && (await readFile(path, 'utf8')) === content
}

export async function putFile(path: string, content: string, mode: number): Promise<boolean> {
  if (await same(path, content, mode)) return false
  await mkdir(dirname(path), { recursive: true })
  const next = beside(path)
  await rm(next, { force: true })
  // Secrets are never in a file that others may read, not even for a moment.
  const file = await open(next, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
  return true
}

export async function putLink(path: string, to: string): Promise<boolean> {
  const found = await readlink(path).catch(() => null)
  if (found === to) return false
  if ((await lstat(path).catch(() => null))?.isDirectory())
    throw new Error(`${path} is a folder; it should be a link to ${to}: move it away`)
  await mkdir(dirname(path), { recursive: true })
  const next = beside(path)
  await rm(next, { force: true })
  await symlink(to, next)
  await rename(next, path)
  return true
}
