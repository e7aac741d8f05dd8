// Does a controller start on this data folder, and answer with all of its apps?
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { hashToken } from '@deis/controller/store/crypto'
import type { Home } from '../restore/home.ts'

const startMs = 120_000
const answerMs = 60_000
const endMs = 30_000

/** Signs in as the first admin of the copy; null: it has none, so it has no app either. */
async function addToken(home: Home): Promise<string | null> {
  const token = randomBytes(20).toString('hex')
  const database = await home.open()
  try {
    const admin = `SELECT "id" FROM "User" WHERE "isSuperuser" AND "isActive" ORDER BY "id" LIMIT 1`
    if ((await database.query(admin)).length === 0) return null
    await database.query(
      `INSERT INTO "Token" ("hash", "userId", "client", "createdAt")
       SELECT ?, "id", NULL, "dateJoined" FROM "User" WHERE "id" = (${admin})`,
      [hashToken(token)],
    )
    return token
  } finally {
    await database.close()
  }
}

async function countApps(api: string, token: string, signal: AbortSignal): Promise<number> {
  const answer = await fetch(new URL('/v2/apps/', api), {
    headers: { authorization: `token ${token}` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
  })
  const body = (await answer.json()) as { count?: unknown; detail?: unknown }
  if (answer.status !== 200) throw new Error(`GET /v2/apps/ was answered with ${answer.status}: ${String(body.detail)}`)
  return Number(body.count)
}

/** In quarantine: on loopback, on random ports, with an environment that names nothing outside. Null: there is no account. */
export async function bootController(
  {
    program,
    folder,
    home,
    path,
  }: { readonly program: string; readonly folder: string; readonly home: Home; readonly path: string },
  signal: AbortSignal,
): Promise<number | null> {
  const token = await addToken(home)
  const env = {
    PATH: path,
    HOME: folder,
    DEIS_QUARANTINE: '1',
    DEIS_DATA_DIR: folder,
    DATABASE_URL: home.url,
    DEIS_API_HOST: '127.0.0.1',
    DEIS_API_PORT: '0',
    DEIS_GIT_PORT: '0',
    DEIS_LOG_LEVEL: 'error',
  }
  const child = fork(program, [], { env, cwd: folder, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  const said = child.stderr ? text(child.stderr) : Promise.resolve('')
  const ended = once(child, 'exit')
  const late = setTimeout(kill, startMs)
  try {
    const ready = once(child, 'message').then(([message]) => message as { readonly ready?: { readonly api: string } })
    const first = await Promise.race([ready, ended.then(() => null)])
    clearTimeout(late)
    signal.throwIfAborted()
    if (!first?.ready)
      throw new Error(`the controller did not start: ${(await said).trim().slice(-2000) || 'it was silent'}`)
    return token === null ? null : await countApps(first.ready.api, token, signal)
  } finally {
    clearTimeout(late)
    child.kill('SIGTERM')
    const slow = setTimeout(kill, endMs)
    await ended
    clearTimeout(slow)
    signal.removeEventListener('abort', kill)
  }
}
