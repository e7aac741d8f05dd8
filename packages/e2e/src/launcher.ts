// How is the platform started as a person would, by its launcher, and what does that say?
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type Running, start } from './child.ts'
import { cleanEnv, removeFolder, root, testFolder } from './platform.ts'

export type Up = {
  readonly running: Running
  readonly folder: string
  readonly api: string
  readonly git: string
  readonly routerPort: number
}
type Ports = readonly [api: string, git: string, router: string]
type Launch = {
  /** Where its data are, and the operator's home. */
  readonly folder: string
  /** Default: any free ones. */
  readonly ports?: Ports
  /** Default: the launcher itself. */
  readonly command?: readonly [program: string, ...args: string[]]
  readonly env?: Readonly<Record<string, string>>
  /** Told as soon as it runs: what begins must be ended also when it never gets ready. */
  readonly began: (running: Running) => unknown
}

const launcher = [process.execPath, join(root, 'scripts/start.mjs')] as const
export const npm = ['npm', 'start', '--prefix', root] as const

export const portsOf = ({ api, git, routerPort }: Up): Ports => [
  new URL(api).port,
  new URL(git).port,
  String(routerPort),
]

async function launch({ folder, ports = ['0', '0', '0'], command = launcher, env, began }: Launch): Promise<Up> {
  const [DEIS_API_PORT, DEIS_GIT_PORT, DEIS_ROUTER_PORT] = ports
  const [program, ...args] = command
  const running = start(program, args, {
    cwd: folder,
    env: {
      ...cleanEnv(),
      HOME: join(folder, 'operator'),
      DEIS_DATA_DIR: join(folder, 'data'),
      DEIS_API_PORT,
      DEIS_GIT_PORT,
      DEIS_ROUTER_PORT,
      DEIS_PORT_FIRST: '30000',
      DEIS_PORT_LAST: '30099',
      KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
      ...env,
    },
    seconds: 150,
  })
  began(running)
  await running.says('Ctrl-C stops everything')
  const said = running.output()
  const word = (pattern: RegExp): string => {
    const found = pattern.exec(said)?.[1]
    if (found === undefined) throw new Error(`${pattern} is not in:\n${said}`)
    return found
  }
  expect(said).toContain('Deis is ready.\n')
  return {
    running,
    folder,
    api: word(/^ {2}API +(\S+)$/m),
    git: word(/^ {2}git +(\S+)\/<app>\.git$/m),
    routerPort: Number(word(/^ {2}apps +http:\/\/<app>\.localhost:(\d+)$/m)),
  }
}

export type Operator = {
  readonly folder: string
  /** What was started otherwise, which is ended with the rest. */
  began(running: Running): Running
  launch(how?: Omit<Launch, 'folder' | 'began'>): Promise<Up>
}

/** For all tests of a file: a folder with an operator's home, and the end of everything that was started in it. */
export function withOperator(use: (operator: Operator) => void): void {
  const started: Running[] = []
  let folder: string
  beforeAll(async () => {
    folder = await testFolder()
    await mkdir(join(folder, 'operator'), { mode: 0o700 })
    const began = (running: Running): Running => {
      started.push(running)
      return running
    }
    use({ folder, began, launch: (how = {}) => launch({ ...how, folder, began }) })
  })
  afterAll(async () => {
    for (const { signal, ended } of started) {
      signal('SIGKILL')
      await ended
    }
    await removeFolder(folder)
  })
}
