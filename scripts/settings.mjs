// Which environment variables set the platform?
//   node scripts/settings.mjs      writes docs/settings.md
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tsImport } from 'tsx/esm/api'

const root = fileURLToPath(new URL('..', import.meta.url))
const { settingsDocument } = await tsImport('../packages/types/src/environment/document.ts', import.meta.url)
writeFileSync(join(root, 'docs/settings.md'), settingsDocument())
