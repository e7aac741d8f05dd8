// When was the newest backup made that is proven to restore? The program that made it leaves it here for the controller.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const fileOf = (dataDir: string): string => join(dataDir, 'state', 'proven-backup.json')

export async function writeProven(dataDir: string, createdAt: string): Promise<void> {
  const file = fileOf(dataDir)
  await writeFile(`${file}.new`, JSON.stringify({ createdAt }), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Null: none, as far as this data folder knows. */
export async function readProven(dataDir: string): Promise<Date | null> {
  try {
    const { createdAt } = JSON.parse(await readFile(fileOf(dataDir), 'utf8')) as { createdAt: string }
    const at = new Date(createdAt)
    return Number.isNaN(at.getTime()) ? null : at
  } catch {
    // None was made yet, or the file is damaged: the next one writes it.
    return null
  }
}
