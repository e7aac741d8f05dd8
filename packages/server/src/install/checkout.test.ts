// Do the programs that install the libraries of a fresh checkout start without these?
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const scripts = fileURLToPath(new URL('../../../../scripts', import.meta.url))

/** What is imported before a line of it runs, by the files that it imports, too. */
async function importsOf(file: string, known = new Set<string>()): Promise<string[]> {
  if (known.has(file)) return []
  known.add(file)
  const names = [...(await readFile(file, 'utf8')).matchAll(/^import [^']{1,400}'([^']{1,200})'/gm)].map(
    ([, name = '']) => name,
  )
  const files = names.filter((name) => name.startsWith('.'))
  const further = await Promise.all(files.map((name) => importsOf(join(dirname(file), name), known)))
  return [...names.filter((name) => !name.startsWith('.')), ...further.flat()]
}

test.each(['build.mjs', 'check.mjs', 'start.mjs', 'test.mjs', 'install-server.mjs', 'release.mjs'])(
  '%s',
  async (script) => {
    const names = await importsOf(join(scripts, script))
    expect(names.length).toBeGreaterThan(0)
    expect(names.filter((name) => !name.startsWith('node:'))).toEqual([])
  },
)
