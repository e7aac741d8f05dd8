// Is this machine ready for the platform, and is the platform on it healthy?
import { randomBytes } from 'node:crypto'
import { readConfig } from '@deis/controller/config'
import { checkBackups } from '@deis/controller/domain/backups'
import { type Check, messageOf } from '@deis/types'
import { Command } from 'commander'
import { firewallChecks } from '../doctor/firewall.ts'
import { type Backend, machineChecks } from '../doctor/machine.ts'
import { nameChecks } from '../doctor/names.ts'
import { platformChecks } from '../doctor/platform.ts'
import { portChecks, publicPorts } from '../doctor/ports.ts'
import { readSettings } from '../install/choose.ts'
import { readEnv } from '../install/env-file.ts'
import { installedSettings } from '../installed.ts'
import type { Io } from '../io.ts'
import { readFacts } from '../machine/facts.ts'
import { readFirewalls, readName, readPlatform } from '../machine/installed.ts'
import { listenersOn } from '../machine/listeners.ts'

/** Columns as `deis doctor` prints them. */
function doctorLines(checks: readonly Check[]): string[] {
  const width = Math.max(0, ...checks.map(({ name }) => name.length))
  return checks.map(({ status, name, detail }) => `${status.padEnd(9)}${name.padEnd(width + 2)}${detail}`.trimEnd())
}

/** What the settings say, and how the last backup ended. */
async function examineSettings(io: Io): Promise<Check[]> {
  try {
    const config = readConfig(await installedSettings(io), process.cwd())
    const none = 'none are made by themselves: set DEIS_BACKUP_EVERY_HOURS and DEIS_BACKUP_TO in /etc/deis/deis.env'
    return [(await checkBackups(config)) ?? { name: 'backups', status: 'missing', detail: none }]
  } catch (error) {
    return [{ name: 'settings', status: 'limited', concern: 'broken', detail: messageOf(error) }]
  }
}

/** Of the platform, if it is installed. */
async function examinePlatform(addresses: readonly string[], io: Io): Promise<Check[]> {
  const found = await readSettings('').catch(() => null)
  if (found === null)
    return [{ name: 'platform', status: 'limited', detail: 'only root reads its settings: repeat this with sudo' }]
  const { controller, router } = found
  const settings = readEnv(controller)
  const domain = settings.get('DEIS_PLATFORM_DOMAIN')
  if (domain === undefined) return []
  const gitPort = Number(settings.get('DEIS_GIT_PORT') ?? 2222)
  const routerPort = readEnv(router).get('DEIS_ROUTER_PORT') ?? '80'
  const [platform, firewalls, ...names] = await Promise.all([
    readPlatform(`http://127.0.0.1:${routerPort}/v2/`, `deis.${domain}`, io.signal),
    readFirewalls(),
    // Any app, so that a wildcard has to answer; and the name of the API.
    readName(`deis.${domain}`),
    readName(`a${randomBytes(6).toString('hex')}.${domain}`),
  ])
  const [api, app] = names
  return [
    ...(platform === null ? [] : platformChecks(platform)),
    ...nameChecks([...(api ? [api] : []), ...(app ? [{ ...app, name: `*.${domain}` }] : [])], addresses),
    ...firewallChecks(firewalls, [80, 443, gitPort]),
    ...(await examineSettings(io)),
  ]
}

/** What apps are to run in, if the platform is installed and this user may read its settings. */
async function installedBackend(): Promise<Backend> {
  const found = await readSettings('').catch(() => null)
  const settings = readEnv(found?.controller ?? '')
  const scheduler = settings.get('DEIS_SCHEDULER')
  return scheduler === undefined ? null : { scheduler, dockerHost: settings.get('DEIS_DOCKER_HOST') ?? null }
}

async function examine(io: Io): Promise<Check[]> {
  const [facts, backend, listeners] = await Promise.all([
    readFacts(['/opt', '/var/lib']),
    installedBackend(),
    listenersOn(Object.keys(publicPorts).map(Number)),
  ])
  return [...machineChecks(facts, backend), ...portChecks(listeners), ...(await examinePlatform(facts.addresses, io))]
}

export function doctor(io: Io, failed: () => void): Command {
  return new Command('doctor')
    .description('check this machine and the platform on it; the exit code is 1 if something is broken')
    .option('--json', 'print the checks as JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      const checks = await examine(io)
      if (json) io.out(JSON.stringify({ checks }, null, 2))
      else for (const line of doctorLines(checks)) io.out(line)
      if (checks.some(({ concern }) => concern === 'broken')) failed()
    })
}
