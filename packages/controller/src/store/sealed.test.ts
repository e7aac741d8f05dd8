// Does the list of encrypted columns have everything that the controller encrypts?
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { sealedColumns } from './sealed.ts'

const source = fileURLToPath(new URL('..', import.meta.url))

it('has every purpose for which a value is sealed', async () => {
  const files = (await readdir(source, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !/test|generated/.test(name),
  )
  const texts = await Promise.all(files.map((name) => readFile(join(source, name), 'utf8')))
  const all = texts.join('\n')
  const purposes = [...all.matchAll(/vault\.seal\((?:'([^']+)'|(\w+)),/g)].map(
    ([, literal, constant]) => literal ?? new RegExp(`const ${constant} = '([^']+)'`).exec(all)?.[1],
  )
  expect(purposes.length).toBeGreaterThan(3)
  expect(new Set(purposes)).toEqual(new Set(sealedColumns.map(({ purpose }) => purpose)))
  // Every call is of a form that is looked for above.
  expect([...all.matchAll(/vault\.seal\(/g)]).toHaveLength(purposes.length)
})
