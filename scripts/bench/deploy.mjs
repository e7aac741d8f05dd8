// How does a small app get from a folder onto the platform, by git as a person does it?
import { mkdirSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { cleanEnv, run } from './processes.mjs'

export const command = ['node', 'server.js']

const files = {
  'package.json': `${JSON.stringify({ name: 'small', version: '1.0.0', private: true, dependencies: { greeting: 'file:greeting' } }, null, 2)}\n`,
  'greeting/package.json': `${JSON.stringify({ name: 'greeting', version: '1.0.0', main: 'index.js' }, null, 2)}\n`,
  'greeting/index.js': "module.exports = 'hello'\n",
  'server.js':
    "require('node:http').createServer((_, answer) => answer.end(require('greeting'))).listen(process.env.PORT)\n",
  Procfile: `web: ${command.join(' ')}\n`,
  '.gitignore': 'node_modules\n',
}

/** Git and ssh as a person who uses nothing but this folder. */
export function personEnv(home, keyFile) {
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'IdentityAgent=none', 'LogLevel=ERROR']
  const known = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null']
  return {
    ...cleanEnv(),
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_SSH_COMMAND: `ssh -F none ${[...options, ...known].map((option) => `-o ${option}`).join(' ')} -i '${keyFile}'`,
    GIT_AUTHOR_NAME: 'bench',
    GIT_AUTHOR_EMAIL: 'bench@example.com',
    GIT_COMMITTER_NAME: 'bench',
    GIT_COMMITTER_EMAIL: 'bench@example.com',
  }
}

/** A repository with one commit of a small Node.js app, its lock file included. */
export async function makeRepository(scope, folder, env) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const here = { cwd: folder, env }
  await run(scope, 'npm', ['install', '--package-lock-only', '--offline', '--no-audit', '--no-fund'], here)
  await run(scope, 'git', ['init', '-q', '-b', 'master'], here)
  await run(scope, 'git', ['add', '.'], here)
  await run(scope, 'git', ['commit', '-q', '-m', 'small app'], here)
}

/** 0: no answer. */
export function statusOf(port, host) {
  return new Promise((done) => {
    get({ host: '127.0.0.1', port, headers: { host }, agent: false }, (answer) => {
      answer.resume()
      done(answer.statusCode)
    }).on('error', () => done(0))
  })
}

/** Returns when the app answers; asks all the time. */
export async function answers(scope, port, host, seconds = 30) {
  const late = performance.now() + seconds * 1000
  while ((await statusOf(port, host)) !== 200) {
    scope.signal.throwIfAborted()
    if (performance.now() > late) throw new Error(`${host} did not answer within ${seconds} seconds`)
    await wait(3)
  }
}

/** The person's key is made and known to the platform, the repository is there. */
export async function prepare(scope, platform) {
  const keyFile = join(platform.home, 'key')
  const env = personEnv(platform.home, keyFile)
  await run(scope, 'ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', keyFile], { env })
  const { stdout } = await run(scope, 'ssh-keygen', ['-y', '-f', keyFile], { env })
  await platform.call('POST', '/v2/keys/', { id: 'bench', public: stdout.trim() })
  const repository = join(platform.folder, 'repository')
  await makeRepository(scope, repository, env)
  return { env, repository }
}

/** Pushes to an app until it answers through the router. `onLine` gets the lines that git shows. */
export async function deploy(scope, platform, { env, repository }, app, onLine, seconds) {
  await run(scope, 'git', ['push', `${platform.git}/${app}.git`, 'master'], { cwd: repository, env, onLine, seconds })
  onLine?.('git push ended')
  await answers(scope, platform.routerPort, `${app}.localhost`)
}

export async function deployFirst(scope, platform) {
  const person = await prepare(scope, platform)
  await platform.call('POST', '/v2/apps/', { id: 'first' })
  await deploy(scope, platform, person, 'first')
  return person
}
