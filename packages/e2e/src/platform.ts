// How does a whole platform come up for a test, on free ports and in a folder of its own, and leave nothing behind?
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Database, testDatabase } from './database.ts'
import { processesAround, shown } from './processes.ts'

export const root = fileURLToPath(new URL('../../..', import.meta.url))
const dist = join(root, 'dist')

/** Reaches the controller only: nothing of it may ever be seen by an app. */
export const canary = 'controller-only-5d1c9a'

/** Registers the first account where others than this machine reach the API; elsewhere nobody asks for it. */
export const registrationToken = 'of the operator of these tests'

export type Platform = {
  /** Everything of the test, open to users of apps. */
  readonly folder: string
  readonly dataDir: string
  readonly api: string
  readonly git: string
  readonly routerPort: number
  readonly controllerPid: number
  readonly database: Database
  /** Ends the controller and waits for it; INT ends its apps as well. */
  endController(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on the same ports and the same data. */
  startController(): Promise<void>
  /** Tries to start a second one beside it: its words, and its exit code. */
  secondController(): Promise<{ code: number | null; said: string }>
  /** What the controller logged so far. */
  log(): Promise<string>
  /** Ends everything. @throws when something of it is still there. */
  stop(): Promise<void>
}

type Message = { readonly ready?: { readonly api: string; readonly git: string }; readonly listening?: number }

function needBuild(): void {
  for (const file of ['controller/main.js', 'router/main.js', 'cli/deis.js'])
    if (!existsSync(join(dist, file)))
      throw new Error(`dist/${file} is not there: run \`node scripts/build.mjs\` before these tests`)
}

/** What npm, vitest and git hooks leave in the environment is not what an operator has. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(VITEST|TEST|NODE_|DEIS_|GIT_|DATABASE_URL$|npm_(lifecycle|package)_)/.test(name),
    ),
  )
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const own = folders.filter((folder) => !/node_modules\/\.bin$|node-gyp-bin$/.test(folder))
  return { ...env, PATH: own.join(delimiter) }
}

async function firstMessage(child: ChildProcess, logFile: string): Promise<Message> {
  const over = new AbortController()
  const late = setTimeout(() => over.abort(), 60_000)
  const { signal } = over
  try {
    const [message] = (await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(() => {
        throw new Error('it ended')
      }),
    ])) as [Message]
    return message
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`the program did not start: ${await readFile(logFile, 'utf8')}`, { cause: error })
  } finally {
    clearTimeout(late)
    over.abort()
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  const late = setTimeout(() => child.kill('SIGKILL'), 45_000)
  child.kill(signal)
  await exit
  clearTimeout(late)
}

/** Programs with a channel to us end with us, also when the test runner is killed. */
function program(file: string, env: NodeJS.ProcessEnv, cwd: string, logFile: string): ChildProcess {
  const log = openSync(logFile, 'a', 0o600)
  return fork(join(dist, file), [], { env, cwd, execArgv: [], detached: true, stdio: ['ignore', log, log, 'ipc'] })
}

/** A folder that users of apps can enter; its name is in everything that the test starts. */
export async function testFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'deis-e2e-')))
  await chmod(folder, 0o755)
  return folder
}

/** Deletes the folder, after ending whatever still runs around it. @throws when there was such a thing. */
export async function removeFolder(folder: string): Promise<void> {
  const left = await processesAround(folder)
  for (const { pid } of left)
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Ended by itself meanwhile.
    }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  if (left.length > 0) throw new Error(`left behind:\n${shown(left).join('\n')}`)
}

export async function startPlatform(settings: Readonly<Record<string, string>> = {}): Promise<Platform> {
  needBuild()
  const folder = await testFolder()
  const dataDir = join(folder, 'data')
  const home = join(folder, 'operator')
  await mkdir(home, { mode: 0o700 })
  const controllerLog = join(home, 'controller.log')
  const routerLog = join(home, 'router.log')
  // Test files run side by side; each has ports of its own for its apps, so that none takes what another just freed.
  const portFirst = 10_000 + (process.pid % 150) * 128
  const database = await testDatabase()
  const env: NodeJS.ProcessEnv = {
    ...cleanEnv(),
    ...database.env,
    HOME: home,
    DEIS_DATA_DIR: dataDir,
    DEIS_API_PORT: '0',
    DEIS_GIT_PORT: '0',
    DEIS_ROUTER_PORT: '0',
    DEIS_PORT_FIRST: String(portFirst),
    DEIS_PORT_LAST: String(portFirst + 127),
    DEIS_E2E_CANARY: canary,
    ...settings,
  }
  const children: ChildProcess[] = []
  const launch = async (file: string, more: NodeJS.ProcessEnv, log: string): Promise<[ChildProcess, Message]> => {
    const child = program(file, { ...env, ...more }, folder, log)
    children.push(child)
    return [child, await firstMessage(child, log)]
  }
  const stop = async (): Promise<void> => {
    // The controller first: it waits for the router to let go of its apps.
    for (const child of children) await end(child, 'SIGINT')
    await database.drop()
    await removeFolder(folder)
  }
  try {
    const [first, { ready }] = await launch('controller/main.js', {}, controllerLog)
    let controller = first
    if (!ready) throw new Error('the controller did not say where it listens')
    const { api, git } = ready
    const [, { listening = 0 }] = await launch(
      'router/main.js',
      {
        DEIS_CONTROLLER_URL: api,
        DEIS_ROUTER_KEY_FILE: join(dataDir, 'keys/router.key'),
        DEIS_ROUTER_TABLE: join(folder, 'operator/table.json'),
      },
      routerLog,
    )
    const samePorts = { DEIS_API_PORT: new URL(api).port, DEIS_GIT_PORT: new URL(git).port }
    return {
      folder,
      dataDir,
      api,
      git,
      routerPort: listening,
      database,
      get controllerPid() {
        return controller.pid ?? -1
      },
      endController: (signal) => end(controller, signal),
      async startController() {
        ;[controller] = await launch('controller/main.js', samePorts, controllerLog)
        // In the order in which they end: see stop.
        children.unshift(...children.splice(children.indexOf(controller), 1))
      },
      async secondController() {
        const file = join(home, 'second.log')
        const child = program('controller/main.js', env, folder, file)
        children.push(child)
        const [code] = (await once(child, 'exit')) as [number | null]
        return { code, said: await readFile(file, 'utf8') }
      },
      log: () => readFile(controllerLog, 'utf8'),
      stop,
    }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}
