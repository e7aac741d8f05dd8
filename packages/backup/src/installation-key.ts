// With which key does the platform encrypt what is in a folder of its data, or in a backup?
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const keyIn = async (folder: string): Promise<Buffer> =>
  Buffer.from((await readFile(join(folder, 'keys', 'secret.key'), 'utf8')).trim(), 'hex')
