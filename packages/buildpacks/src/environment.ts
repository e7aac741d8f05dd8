// Which variables do a build's processes get, and which files are in ENV_DIR (docs/contract/build-and-route.md §2.1)?
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BuildFailure, type BuildRequest } from '@deis/ports/builder'
import type { Workspace } from './workspace.ts'

export type EnvironmentSettings = {
  readonly path: string
  readonly shell: string
  readonly stack: string
  /** What of the platform's own environment tools need to reach the outside: proxies, package registries, certificates. */
  readonly passEnv: Readonly<Record<string, string>>
}

export const sshKeyFile = (workspace: Workspace): string => join(workspace.home, '.ssh', 'id_rsa')

// The key's path reaches ssh through a variable, so that the text a shell reads is always this one.
const sshCommand =
  'ssh -i "$DEIS_SSH_KEY" -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=30'

// What config may not change in a build: which programs run and where, what the platform says, and the key, which git has.
const withheld = new Set(
  `PATH PORT HOME TMPDIR SHELL PWD IFS ENV BASH_ENV LD_PRELOAD LIBRARY_PATH CPATH CPPATH GIT_DIR GIT_WORK_TREE
  GIT_INDEX_FILE GIT_SSH_COMMAND STACK SOURCE_VERSION REQUEST_ID DEIS_BUILD DEIS_SSH_KEY SSH_KEY`.split(/\s+/),
)

/** The config that a built-in buildpack's tools and scripts get as their environment, and the names of what they do not. */
export function toolConfig(config: BuildRequest['config']): { env: Record<string, string>; kept: readonly string[] } {
  const entries = Object.entries(config)
  const bad = entries.find(([, value]) => value.includes('\0'))
  if (bad) throw new BuildFailure(`The config variable ${bad[0]} contains a null byte. Set it again without it.`)
  return {
    env: Object.fromEntries(entries.filter(([name]) => !withheld.has(name))),
    // Nothing is lost with SSH_KEY: git uses it.
    kept: entries.map(([name]) => name).filter((name) => withheld.has(name) && name !== 'SSH_KEY'),
  }
}

/** The app's config is not in it, with the one exception that the buildpack API makes: BUILDPACK_URL. */
export function buildEnvironment(
  settings: EnvironmentSettings,
  workspace: Workspace,
  request: Pick<BuildRequest, 'id' | 'sha' | 'config'>,
): Record<string, string> {
  const { BUILDPACK_URL, SSH_KEY } = request.config
  return {
    LANG: 'C.UTF-8',
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    npm_config_update_notifier: 'false',
    // Logs would change the cache with every build.
    npm_config_logs_max: '0',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    ...settings.passEnv,
    npm_config_cache: join(workspace.cache, 'npm'),
    PIP_CACHE_DIR: join(workspace.cache, 'pip'),
    PATH: settings.path,
    SHELL: settings.shell,
    HOME: workspace.home,
    TMPDIR: workspace.tmp,
    STACK: settings.stack,
    SOURCE_VERSION: request.sha,
    REQUEST_ID: request.id,
    CURL_CONNECT_TIMEOUT: '30',
    CURL_TIMEOUT: '180',
    GIT_TERMINAL_PROMPT: '0',
    ...(BUILDPACK_URL === undefined ? {} : { BUILDPACK_URL }),
    ...(SSH_KEY === undefined ? {} : { DEIS_SSH_KEY: sshKeyFile(workspace), GIT_SSH_COMMAND: sshCommand }),
  }
}

/** One file per config variable: its name, its value. */
export async function writeEnvDir(folder: string, config: BuildRequest['config']): Promise<void> {
  for (const [name, value] of Object.entries(config)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,200}$/.test(name))
      throw new BuildFailure(`The config variable ${JSON.stringify(name)} cannot be passed to a build. Rename it.`)
    await writeFile(join(folder, name), value, { mode: 0o600, flag: 'wx' })
  }
}

/** The private key in SSH_KEY: base64 as the command line sends it, or as it is. */
export function decodeSshKey(value: string): string {
  const isKey = (text: string): boolean => /^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n/.test(text)
  const found = [value, Buffer.from(value, 'base64').toString('utf8')].map((text) => text.trimStart()).find(isKey)
  if (value.length > 65_536 || !found)
    throw new BuildFailure(
      'The config variable SSH_KEY is not a private key in base64. Set it again with `deis config:set SSH_KEY=…`, or unset it.',
    )
  return `${found.trimEnd()}\n`
}
