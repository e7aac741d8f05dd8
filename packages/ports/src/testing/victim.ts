// How do tests kill a controller that is in the middle of something? A program of its own, which kills itself when it was told to.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { afterAll, beforeAll, expect } from 'vitest'

const programs = new URL('../../../../scripts/programs.mjs', import.meta.url).href

/** `source`: of the program, which gets its orders as JSON in its argument. @returns what runs it until it has killed itself */
export function openVictim(source: URL): (orders: object) => Promise<void> {
  let program = ''
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deis-victim-'))
    program = join(folder, 'victim.mjs')
    // Bundled once: it starts many times, and has to be quick about it.
    const { embedPrograms } = (await import(programs)) as { embedPrograms: Plugin }
    await build({
      entryPoints: [fileURLToPath(source)],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      plugins: [embedPrograms],
      // Some libraries are older than import.
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url)",
      },
    })
  })
  afterAll(() => rm(dirname(program), { recursive: true, force: true }))
  return async (orders) => {
    const child = spawn(process.execPath, [program, JSON.stringify(orders)], {
      stdio: ['ignore', 'inherit', 'inherit'],
      // The bundle lies where no library is found.
      env: { ...process.env, NODE_PATH: fileURLToPath(new URL('../../node_modules', source)) },
    })
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  }
}
