// Where do tests find the archive program? Where the build puts it.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createArchiver } from './archive.ts'
import { findTar } from './tar.ts'

const dist = fileURLToPath(new URL('../../../dist', import.meta.url))

export const testProgram: readonly string[] = [process.execPath, join(dist, 'controller/archive.js')]

export const testArchiver = createArchiver(testProgram, await findTar())
