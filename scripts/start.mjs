// How does one command bring up the whole platform in the foreground, and take it down again?
import { fork, spawnSync } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { flags } from './flags.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const log = (text) => console.log(`deis: ${text}`)
const stopMs = 45_000

function needGit() {
  if (spawnSync('git', ['--version'], { stdio: 'ignore' }).status !== 0)
    throw new Error('git was not found on the PATH: install it')
}

/** npm puts this project's own tools on the PATH of its scripts; apps and their builds must not find those. */
function operatorPath() {
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !/node_modules[\\/]\.bin$|node-gyp-bin$/.test(folder))
  const node = dirname(process.execPath)
  return (folders.includes(node) ? folders : [...folders, node]).join(delimiter)
}

/** In a process of its own: what building needs of memory is not kept while the platform runs. */
function build() {
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed; see the lines above')
}

/** A program of the platform in a process group of its own, so that Ctrl-C reaches only this script, which ends all in order. */
function program(name, env, logFile) {
  const log = openSync(logFile, 'a', 0o600)
  const stdio = ['ignore', log, log, 'ipc']
  return fork(join(root, 'dist', name, 'main.js'), [], { execArgv: flags[name], detached: true, stdio, env })
}

/** `from`: where this run's part of the log begins. */
function tailOf(file, from) {
  const lines = readFileSync(file).subarray(from).toString().trimEnd().split('\n').slice(-15)
  return `the last lines of ${file} say why:\n${lines.join('\n')}`
}

/** Keeps a program running: what ends by itself is started again, ever more slowly. */
function keep(name, env, logFile) {
  const logged = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  let child
  let ending = false
  let delay = 500
  let last = null
  const listeners = new Set()
  const start = (first) => {
    const started = Date.now()
    child = program(name, env(), logFile)
    child.on('message', (message) => {
      last = message
      for (const listen of listeners) listen(message)
    })
    child.once('exit', (code, signal) => {
      child = undefined
      if (ending) return
      if (first && last === null) {
        for (const listen of listeners) listen({ failed: true })
        return
      }
      if (Date.now() - started > 30_000) delay = 500
      log(`the ${name} ended (${signal ?? `code ${code}`}), restarting it`)
      setTimeout(() => start(false), delay)
      delay = Math.min(delay * 2, 30_000)
    })
  }
  return {
    start: () => start(true),
    /** The first message of the program; rejects when it ends before. */
    first: () =>
      new Promise((done, fail) => {
        const listen = (message) => {
          listeners.delete(listen)
          if (message.failed) fail(new Error(`the ${name} could not start; ${tailOf(logFile, logged)}`))
          else done(message)
        }
        listeners.add(listen)
      }),
    end: (signal) =>
      new Promise((done) => {
        ending = true
        if (!child) return done()
        const running = child
        const kill = setTimeout(() => running.kill('SIGKILL'), stopMs)
        running.once('exit', () => {
          clearTimeout(kill)
          done()
        })
        running.kill(signal)
      }),
  }
}

async function main() {
  needGit()
  installAll(log)
  build()
  const dataDir = resolve(process.env.INIT_CWD ?? process.cwd(), process.env.DEIS_DATA_DIR || join(root, '.deis'))
  mkdirSync(dataDir, { recursive: true, mode: 0o755 })
  mkdirSync(join(dataDir, 'logs'), { recursive: true, mode: 0o700 })
  mkdirSync(join(dataDir, 'router'), { recursive: true, mode: 0o700 })
  const env = { ...process.env, PATH: operatorPath(), DEIS_DATA_DIR: dataDir }
  let api = ''
  const controller = keep(
    'controller',
    () => ({ ...env, ...(api ? { DEIS_API_PORT: new URL(api).port, DEIS_GIT_PORT: gitPort } : {}), ...routerPort }),
    join(dataDir, 'logs/controller.log'),
  )
  let gitPort = ''
  // Known once the router has listened: URLs stay, whatever is started again.
  let routerPort = {}
  // From an earlier run, whose apps ended with it: their ports may belong to other programs by now.
  const table = join(dataDir, 'router/table.json')
  rmSync(table, { force: true })
  // Containers are the engine's, or the cluster's.
  const endsApps = (process.env.DEIS_SCHEDULER || 'process') === 'process'
  let router = null
  let ending = false
  const end = async (why) => {
    if (ending) return
    ending = true
    log(`${why}: stopping ${endsApps ? 'apps, ' : ''}controller and router (repeat to stop at once)`)
    await controller.end('SIGINT')
    await router?.end('SIGTERM')
    log(endsApps ? 'stopped; the apps will start again at the next start' : 'stopped; the containers of apps run on')
    process.exit(0)
  }
  let times = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      // npm forwards a terminal's Ctrl-C although this process gets it as well: the first two count as one.
      if (++times > 2) process.exit(1)
      void end(signal)
    })
  controller.start()
  const { ready } = await controller.first()
  for (const name of ready.unknown)
    log(`${name} is not a setting of the platform, so it has no effect (docs/settings.md)`)
  api = ready.api
  gitPort = new URL(ready.git).port
  router = keep(
    'router',
    () => ({
      ...env,
      DEIS_CONTROLLER_URL: api,
      DEIS_ROUTER_KEY_FILE: join(dataDir, 'keys/router.key'),
      DEIS_ROUTER_TABLE: table,
      ...routerPort,
    }),
    join(dataDir, 'logs/router.log'),
  )
  router.start()
  const { listening } = await router.first().catch(async (error) => {
    await controller.end('SIGINT')
    throw error
  })
  const token = ready.registrationToken
  routerPort = { DEIS_ROUTER_PORT: String(listening) }
  const domain = process.env.DEIS_PLATFORM_DOMAIN || 'localhost'
  const ends = endsApps
    ? 'Ctrl-C stops everything; the apps will start again at the next start.'
    : 'Ctrl-C stops the platform; the containers of apps run on.'
  console.log(`
Deis is ready.
  API    ${api}
  page   ${api}/   (in a browser)
  git    ${ready.git}/<app>.git
  apps   http://<app>.${domain}${listening === 80 ? '' : `:${listening}`}
  data   ${dataDir}   (see logs/controller.log)

In another terminal:
  export PATH="${join(root, 'dist/bin')}:$PATH"
  deis register ${api}${token ? ` --token=${token}` : ''}
  deis keys:add
and, in a folder with an app of yours in git:
  deis create
  git push deis master
  deis open
${token ? '\nThe first account becomes an admin. Until it exists, registering needs this token.\n' : ''}
${ends}
`)
}

main().catch((error) => {
  console.error(`deis: ${error.message}`)
  process.exit(1)
})
