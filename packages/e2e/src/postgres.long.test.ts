// Does the server that tests get end with them, however they end, and does nothing of it stay?
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const script = new URL('../../../scripts/postgres.mjs', import.meta.url).pathname
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deis-server-'))
  // As root, another user runs the server.
  chmodSync(folder, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = (): NodeJS.ProcessEnv => ({ ...process.env, TMPDIR: folder })
const possible =
  process.platform === 'linux' && spawnSync(process.execPath, [script, 'true'], { stdio: 'ignore' }).status === 0

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

test.skipIf(!possible)('a PostgreSQL server for tests is gone when its command ends', () => {
  const { status } = spawnSync(process.execPath, [script, 'sh', '-c', 'exit 7'], { env: env() })
  expect(status).toBe(7)
  expect(readdirSync(folder)).toEqual([])
})

test.skipIf(!possible)(
  'a PostgreSQL server for tests ends when they are killed, and the next run clears up',
  async () => {
    // The command reads to the end of its input, so that it ends with this test.
    const run = spawn(process.execPath, [script, 'sh', '-c', 'echo "$DATABASE_URL"; exec cat'], {
      env: env(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [said] = (await once(run.stdout, 'data')) as [Buffer]
    const port = Number(new URL(said.toString()).port)
    expect(await answers(port)).toBe(true)
    // What still runs is left alone.
    expect(spawnSync(process.execPath, [script, 'true'], { env: env() }).status).toBe(0)
    expect(await answers(port)).toBe(true)
    run.kill('SIGKILL')
    await once(run, 'exit')
    run.stdin.end()
    await expect.poll(() => answers(port), { timeout: 30_000 }).toBe(false)
    expect(spawnSync(process.execPath, [script, 'true'], { env: env() }).status).toBe(0)
    expect(readdirSync(folder)).toEqual([])
  },
)
