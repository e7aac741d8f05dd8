// Does the one command that a person starts the platform with bring everything up, down and up again?
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Running, start } from './child.ts'
import { newPerson, password, type Person, registered } from './client.ts'
import { ask, self, serving } from './http.ts'
import { cleanEnv, removeFolder, root, testFolder } from './platform.ts'
import { processes, processesAround, shown } from './processes.ts'
import { until } from './until.ts'

let folder: string
let home: string

beforeAll(async () => {
  folder = await testFolder()
  home = join(folder, 'operator')
  await mkdir(home, { mode: 0o700 })
})
const started: Running[] = []
afterAll(async () => {
  for (const { signal, ended } of started) {
    signal('SIGKILL')
    await ended
  }
  await removeFolder(folder)
})

type Up = {
  readonly running: Running
  readonly folder: string
  readonly api: string
  readonly git: string
  readonly routerPort: number
}

const launcher = [process.execPath, join(root, 'scripts/start.mjs')] as const
const npm = ['npm', 'start', '--prefix', root] as const

/** Started as a person would, and read as a person would. */
async function startAll(
  ports: readonly [api: string, git: string, router: string],
  [program, ...args]: readonly [program: string, ...args: string[]] = launcher,
  more: Readonly<Record<string, string>> = {},
): Promise<Up> {
  const [DEIS_API_PORT, DEIS_GIT_PORT, DEIS_ROUTER_PORT] = ports
  const env = {
    ...cleanEnv(),
    HOME: home,
    DEIS_DATA_DIR: join(folder, 'data'),
    DEIS_API_PORT,
    DEIS_GIT_PORT,
    DEIS_ROUTER_PORT,
    DEIS_PORT_FIRST: '30000',
    DEIS_PORT_LAST: '30099',
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
    ...more,
  }
  const running = start(program, args, { cwd: folder, env, seconds: 150 })
  started.push(running)
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

let up: Up
let ann: Person
let shop: Checkout

const portsOf = ({ api, git, routerPort }: Up): [string, string, string] => [
  new URL(api).port,
  new URL(git).port,
  String(routerPort),
]

test('it says where everything is, and an app can be deployed', async () => {
  up = await startAll(['0', '0', '0'])
  ann = await registered(up, 'ann')
  shop = await newApp(ann, 'shop')
  await shop.deploy()
  await serving(up, 'shop', { release: 'v2' })
  expect(await readFile(join(folder, 'data/logs/controller.log'), 'utf8')).toContain('controller is ready')
})

test('a controller that dies is started again, and its apps do not notice', async () => {
  const before = await self(up, 'shop')
  const find = async (): Promise<number | undefined> =>
    (await processes()).find(
      ({ parent, command }) => parent === up.running.pid && command.includes('controller/main.js'),
    )?.pid
  const controller = await until({ what: 'the controller is found' }, find)
  process.kill(controller, 'SIGKILL')
  await up.running.says('the controller ended (SIGKILL), restarting it')
  await until({ what: 'another controller answers', seconds: 30 }, async () => (await ann.deis(['apps'])).code === 0)
  expect(await find()).not.toBe(controller)
  expect(await self(up, 'shop')).toEqual(before)
})

test('a second one beside it says what is wrong', async () => {
  const env = { ...cleanEnv(), HOME: home, DEIS_DATA_DIR: join(folder, 'data'), DEIS_API_PORT: '0', DEIS_GIT_PORT: '0' }
  const second = start(process.execPath, [join(root, 'scripts/start.mjs')], { cwd: folder, env })
  started.push(second)
  expect(await second.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('in use by the controller with pid') as string,
  })
  await serving(up, 'shop', { release: 'v2' })
})

test('Ctrl-C ends every process, and the next start brings the app back', async () => {
  const before = await self(up, 'shop')
  up.running.signal('SIGINT')
  expect(await up.running.ended).toMatchObject({ code: 0 })
  expect(up.running.output()).toContain('deis: stopped; the apps will start again at the next start')
  expect(shown(await processesAround(folder))).toEqual([])

  up = await startAll(portsOf(up), npm)
  const after = await until({ what: 'the app is back' }, () => self(up, 'shop'))
  expect(after).toMatchObject({ release: 'v2' })
  expect(after.pid).not.toBe(before.pid)
  expect(await ann.does(['apps'])).toBe('=== Apps\nshop\n')
  // To npm alone, which hands it on to its child and knows of no other process.
  process.kill(up.running.pid, 'SIGTERM')
  await until({ what: 'nothing is left' }, async () => (await processesAround(folder)).length === 0)
  expect((await up.running.ended).stdout).toContain('deis: stopped')
})

/** With the folder SWITCH there, one process of web never listens, and worker ends. */
const fragile = {
  Procfile: 'web: node server.mjs\nworker: if [ -e "$SWITCH" ]; then exit 3; fi; sleep 100000\n',
  'server.mjs': `import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
const { SWITCH, PORT, DEIS_POD } = process.env
const isFirst = () => {
  try {
    mkdirSync(SWITCH + '/taken')
    return true
  } catch {
    return false
  }
}
if (existsSync(SWITCH) && isFirst()) setInterval(() => {}, 1000)
else createServer((_request, response) => response.end(DEIS_POD)).listen(PORT)
`,
}

test('of an app whose processes do not all start again, the others answer soon, and are kept', async () => {
  up = await startAll(portsOf(up))
  const many = await newApp(ann, 'many', fragile)
  const broken = join(folder, 'broken')
  await many.does('config:set', `SWITCH=${broken}`)
  await many.deploy()
  await many.does('scale', 'web=3', 'worker=1')
  up.running.signal('SIGINT')
  await up.running.ended

  await mkdir(broken)
  await chmod(broken, 0o777)
  up = await startAll(portsOf(up))
  const began = Date.now()
  const answering = async (): Promise<string[] | null> => {
    const pods = new Set<string>()
    for (let asked = 0; asked < 10; asked++) {
      const { status, body } = await ask(up, 'many')
      if (status !== 200) return null
      pods.add(body)
    }
    return pods.size === 2 ? [...pods].toSorted() : null
  }
  const two = await until({ what: 'two processes answer' }, answering)
  // A deploy would have waited for the third one.
  expect(Date.now() - began).toBeLessThan(100_000)
  await until({ what: 'the worker was tried again' }, async () =>
    (await many.does('logs', '-n', '100')).includes('process exited with code 3, restarting in 2s'),
  )
  expect(await many.does('ps')).toMatch(/many-worker-\S+ (error|starting) /)
  await until({ what: 'doctor names both' }, async () => {
    const { stdout } = await ann.deis(['doctor'])
    return /web is not ready yet: it does not listen/.test(stdout) && /worker does not run: process exited/.test(stdout)
  })
  expect(await many.does('logs', '-n', '100')).toContain('worker does not run: process exited with code 3')
  expect(await answering()).toEqual(two)
  up.running.signal('SIGINT')
  await up.running.ended
})

test('a killed launcher takes everything with it', async () => {
  up = await startAll(portsOf(up))
  await until({ what: 'the app is back' }, () => self(up, 'shop'))
  up.running.signal('SIGKILL')
  await until({ what: 'nothing is left' }, async () => (await processesAround(folder)).length === 0)
})

test('where others reach the API, it shows the token and the line that make the administrator, until there is one', async () => {
  const more = { DEIS_API_HOST: '0.0.0.0', DEIS_DATA_DIR: join(folder, 'open') }
  const open = await startAll(['0', '0', '0'], launcher, more)
  const said = open.running.output()
  expect(said).toContain('registering needs this token.')
  const line = /^ {2}deis (register \S+ --token=([0-9a-f]{64}))$/m.exec(said)
  expect(line).not.toBeNull()
  const [, words = '', token = ''] = line ?? []
  const root = await newPerson(open, 'root')
  const account = ['--username', 'root', '--password', password, '--email', 'root@example.com']
  const refused = await root.deis(['register', open.api, ...account])
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('token')])
  await root.does([...words.split(' '), ...account])
  expect(await root.does(['users'])).toBe('=== Users (*=admin)\n*root\n')
  expect(await readFile(join(folder, 'open/logs/controller.log'), 'utf8')).not.toContain(token)
  open.running.signal('SIGINT')
  await open.running.ended

  const again = await startAll(portsOf(open), launcher, more)
  expect(again.running.output()).toContain(`  deis register ${open.api}\n`)
  expect(again.running.output()).not.toContain('token')
  again.running.signal('SIGINT')
  await again.running.ended
})
