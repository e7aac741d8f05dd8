// Do sessions hold and end without root, too, on a machine whose tests run as root?
import { execFile } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const tree = new URL('../../../..', import.meta.url).pathname
const here = 'packages/process/src/scheduler'
const vitest = join(tree, 'node_modules/vitest/vitest.mjs')
const nobody = 39_200
const limitMs = 900_000

async function asOrdinaryUser(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly ok: boolean; readonly said: string }> {
  const identity = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--']
  try {
    const { stdout } = await run('setpriv', [...identity, ...words], {
      cwd: tree,
      env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
      maxBuffer: 50_000_000,
      timeout: limitMs - 10_000,
      killSignal: 'SIGKILL',
    })
    return { ok: true, said: stdout }
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    return { ok: false, said: `${String(error)}\n${stdout}\n${stderr}`.slice(-20_000) }
  }
}

// Where tests do not run as root, those in question run as an ordinary user anyway.
const possible = process.getuid?.() === 0 && (await asOrdinaryUser([process.execPath, vitest, '--version'])).ok

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deis-ordinary-'))
  chownSync(folder, nobody, nobody)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.skipIf(!possible)(
  'sessions and what every scheduler must do, as an ordinary user',
  { timeout: limitMs },
  async () => {
    const file = join(folder, 'report.json')
    const words = `run --configLoader runner --config scripts/vitest.config.ts --project unit --project long --testTimeout=180000 --reporter=default --reporter=json`
    const tests = ['session', 'create', 'create-streams.long'].map((name) => `${here}/${name}.test.ts`)
    const { ok, said } = await asOrdinaryUser(
      [process.execPath, vitest, ...words.split(' '), `--outputFile.json=${file}`, ...tests],
      { HOME: folder, TMPDIR: folder },
    )
    expect(ok, said).toBe(true)
    const report = JSON.parse(readFileSync(file, 'utf8')) as { readonly numPassedTests: number }
    expect(report.numPassedTests).toBeGreaterThan(50)
  },
)
