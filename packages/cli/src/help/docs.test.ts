// Does docs/commands.md match the program?
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createContext } from '../profile/context.ts'
import { definitions } from './definitions.ts'
import { commandsDocument } from './docs.ts'
import { processIo } from '../terminal/io.ts'
import { shortcuts } from './topics.ts'

const path = join(import.meta.dirname, '../../../../docs/commands.md')

async function document(): Promise<string> {
  const context = createContext(processIo(new AbortController().signal), { profile: undefined, debug: false })
  return commandsDocument(await definitions(context))
}

test('docs/commands.md is up to date; `node scripts/docs.mjs` writes it', async () => {
  expect(readFileSync(path, 'utf8')).toBe(await document())
})

test('every shortcut is documented', async () => {
  const text = await document()
  for (const word of Object.keys(shortcuts)) expect(text).toContain(`\`deis ${word}\``)
})
