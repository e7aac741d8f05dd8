// Does a phase see only what it may? What must never meet fails the build, and with it the test.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Exit } from './exit.ts'

type Env = Readonly<Record<string, string | undefined>>

const tokenFolder = '/var/run/secrets/kubernetes.io'
const sockets = ['/var/run/docker.sock', '/run/docker.sock']

const leaked = (what: string): Exit => new Exit(97, `test double: ${what}`)

/** Of every phase. */
function checkAlways(): void {
  if (existsSync(tokenFolder)) throw leaked('a token of a service account is visible')
  const socket = sockets.find((path) => existsSync(path))
  if (socket !== undefined) throw leaked(`the socket ${socket} is visible`)
}

/** Where code of buildpacks and users runs. */
export function checkUnprivileged(phase: string, env: Env): void {
  const verb = phase === 'detector' ? 'detect' : 'build'
  if (process.getuid?.() === 0) throw new Exit(1, `failed to ${verb}: refusing to run as root`)
  checkAlways()
  if (env.CNB_REGISTRY_AUTH !== undefined) throw leaked('CNB_REGISTRY_AUTH is visible')
  const configs = [env.DOCKER_CONFIG, env.HOME && join(env.HOME, '.docker')].filter((folder) => Boolean(folder))
  const config = configs.map((folder) => join(folder ?? '', 'config.json')).find((path) => existsSync(path))
  if (config !== undefined) throw leaked(`${config} is visible`)
  const handOff = Object.keys(env).find((name) => name.startsWith('DEIS_'))
  if (handOff !== undefined) throw leaked(`${handOff} of the platform is visible`)
}

/** Where credentials are. */
export function checkPrivileged(platform: string): void {
  checkAlways()
  const env = join(platform, 'env')
  if (existsSync(env) && readdirSync(env).length > 0) throw leaked(`the config in ${env} is visible beside credentials`)
}
