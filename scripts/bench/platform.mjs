// How does a whole platform come up for a measurement, with a person who may use it?
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenOf, cleanEnv, start, run } from './processes.mjs'

function pidOf(launcher, program) {
  const found = childrenOf(launcher).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/dist/${program}/main.js`),
  )
  if (found === undefined) throw new Error(`the launcher runs no ${program}`)
  return found
}

/**
 * Started as an operator does it, so that whatever the launcher gives its programs counts. With `token`, that of the first
 * user, it is the platform that was in this folder before.
 */
export async function startPlatform({ root, scope, env: settings = {}, folder = scope.folder(), token = null }) {
  const home = join(folder, 'home')
  mkdirSync(home, { mode: 0o700, recursive: true })
  const dataDir = join(folder, 'data')
  const env = {
    ...cleanEnv(),
    HOME: home,
    DEIS_DATA_DIR: dataDir,
    DEIS_API_PORT: '0',
    DEIS_GIT_PORT: '0',
    DEIS_ROUTER_PORT: '0',
    ...settings,
  }
  const { child, first } = await start(scope, process.execPath, [join(root, 'scripts/start.mjs')], {
    env,
    log: join(scope.folder(), 'launcher.log'),
    endWith: 'SIGINT',
    until: (text) =>
      /^Ctrl-C stops/m.test(text)
        ? {
            api: /^ {2}API +(\S+)/m.exec(text)[1],
            git: /^ {2}git +(\S+)\/<app>\.git/m.exec(text)[1],
            routerPort: Number(new URL(/^ {2}apps +(\S+)/m.exec(text)[1].replace('<app>', 'app')).port || 80),
          }
        : null,
  })
  const pids = { launcher: child.pid, controller: pidOf(child.pid, 'controller'), router: pidOf(child.pid, 'router') }
  return {
    ...first,
    folder,
    home,
    dataDir,
    pids,
    call: callerOf(first.api, scope, token ?? (await signUp(first.api, scope))),
  }
}

async function request(api, scope, token, method, path, body) {
  const answer = await fetch(new URL(path, api), {
    method,
    signal: AbortSignal.any([scope.signal, AbortSignal.timeout(60_000)]),
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `token ${token}` } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`)
  return text === '' ? null : JSON.parse(text)
}

/** @returns the token of the first user, an admin. */
async function signUp(api, scope) {
  const person = { username: 'bench', password: 'a password for bench', email: 'bench@example.com' }
  await request(api, scope, null, 'POST', '/v2/auth/register/', person)
  return (await request(api, scope, null, 'POST', '/v2/auth/login/', person)).token
}

/** Calls the API as the user of a token, which is with it. */
const callerOf = (api, scope, token) =>
  Object.assign((method, path, body) => request(api, scope, token, method, path, body), { token })

/** The built command line of that user, from an empty home. */
export async function deisOf({ root, scope }, { folder, api }) {
  const home = join(folder, 'person')
  mkdirSync(home, { mode: 0o700 })
  const deis = (...args) =>
    run(scope, process.execPath, [join(root, 'dist/cli/deis.js'), ...args], {
      env: { ...cleanEnv(), HOME: home },
      cwd: home,
    })
  await deis('login', api, '--username=bench', '--password=a password for bench')
  return deis
}
