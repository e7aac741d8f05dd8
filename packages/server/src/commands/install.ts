// How does the platform get onto this machine, as services that start with it?
import { readFile, readlink, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import { carryOut } from '../act/act.ts'
import { readRelease } from '../act/release.ts'
import { Failure } from '../failure.ts'
import { chooseWanted, type Options, readSettings } from '../install/choose.ts'
import { readEnv } from '../install/env-file.ts'
import { controllerSettings, installPlan, type Wanted } from '../install/plan.ts'
import { refusals } from '../install/refusals.ts'
import { report } from '../install/report.ts'
import { linesOf } from '../install/step.ts'
import { absentSockets, removeSockets } from '../install/undo.ts'
import type { Io } from '../io.ts'
import { layout } from '../layout.ts'
import { readFacts } from '../machine/facts.ts'
import { listenersOn } from '../machine/listeners.ts'
import { backedUpOption, upgrade } from './upgrade.ts'
import { usualSeconds, waitOption } from './wait.ts'

type InstallOptions = Options & {
  readonly dryRun?: boolean
  readonly root?: string
  readonly wait: number
  readonly databaseIsBackedUp?: boolean
}

/** Where this program is. */
const from = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
    throw new InvalidArgumentError('It must be a port from 1 to 65535.')
  return Number(text)
}

function emailOf(text: string): string {
  if (!/^[^\s@]{1,64}@[^\s@]{1,190}$/.test(text)) throw new InvalidArgumentError('It must be an email address.')
  return text
}

function directoryOf(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:' || /\s/.test(text))
    throw new InvalidArgumentError('It must be an https URL.')
  return text
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => null)) !== null

async function tokenOf(wasInstalled: boolean): Promise<string | null> {
  if (wasInstalled) return null
  const token = await readFile(join(layout.data, 'keys/registration.token'), 'utf8').catch(() => '')
  return token.trim() || null
}

/** @throws when this machine cannot run what is wanted */
function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new Failure(
    `This machine cannot run the platform, and nothing was changed:\n${problems.map((one) => `  - ${one}`).join('\n')}`,
  )
}

async function install(options: InstallOptions, io: Io, failed: () => void): Promise<void> {
  const root = options.root === undefined ? '' : resolve(options.root)
  const release = await readRelease(from)
  const facts = await readFacts(['/opt', '/var/lib'])
  const before = await readSettings(root)
  const wanted: Wanted = await chooseWanted(options, facts, { ...release, from }, before)
  const settings = readEnv(controllerSettings(wanted))
  const ports = [80, 443, Number(settings.get('DEIS_GIT_PORT') ?? 2222)]
  const wantsDocker = options.scheduler === 'docker' && !settings.has('DEIS_DOCKER_HOST')
  const problems = refusals(facts, await listenersOn(ports), wantsDocker)
  const steps = installPlan(wanted, options.wait)
  if (options.dryRun === true) {
    for (const step of steps) for (const line of linesOf(step)) io.out(line)
    if (root !== '' || problems.length === 0) return
    for (const problem of problems) io.err(`would be refused: ${problem}`)
    return failed()
  }
  if (root === '') refuse(problems)
  const wasInstalled = await exists(join(root, layout.data, 'state'))
  const isInstalled = root === '' && (await exists(layout.current))
  const added = isInstalled ? await absentSockets() : []
  try {
    await carryOut(steps, { root }, io)
  } catch (error) {
    await removeSockets(added)
    throw error
  }
  if (root !== '') return io.out(`Nothing of this machine was changed; what is done is in ${root}.`)
  const lines = report({
    release: release.name,
    domain: settings.get('DEIS_PLATFORM_DOMAIN') ?? 'localhost',
    scheduler: settings.get('DEIS_SCHEDULER') ?? 'process',
    token: await tokenOf(wasInstalled),
    https: settings.get('DEIS_ACME') === 'true',
    addresses: facts.addresses,
  })
  for (const line of lines) io.out(line)
}

/** Whether another release is installed, and this program is not what its upgrade runs. */
async function isUpgrade({ dryRun, root }: InstallOptions): Promise<boolean> {
  if (dryRun === true || root !== undefined || dirname(from) === layout.releases) return false
  const current = await readlink(layout.current).catch(() => null)
  return current !== null && basename(current) !== (await readRelease(from)).name
}

/** First as it is, so that it goes back by itself if that fails; then with what the options want. */
async function installOrUpgrade(options: InstallOptions, io: Io, failed: () => void): Promise<void> {
  if (await isUpgrade(options)) await upgrade(from, options, io)
  await install(options, io, failed)
}

export function installCommand(io: Io, failed: () => void): Command {
  return new Command('install')
    .description('install the platform as services of systemd, or repair what is installed; asks nothing')
    .option('--domain <domain>', 'apps get <app>.<domain>, and the API deis.<domain>; needed the first time')
    .addOption(
      new Option('--scheduler <backend>', 'what runs apps; usually docker where an engine answers').choices([
        'process',
        'docker',
      ]),
    )
    .addOption(new Option('--git-port <port>', 'port of git over SSH; usually 2222').argParser(portOf))
    .addOption(
      new Option(
        '--email <address>',
        'get certificates from the CA for the API and all apps, and agree to its terms with this address',
      ).argParser(emailOf),
    )
    .addOption(
      new Option('--acme-directory <url>', "another CA than Let's Encrypt, or its staging environment").argParser(
        directoryOf,
      ),
    )
    .addOption(waitOption(usualSeconds))
    .addOption(backedUpOption())
    .option('--dry-run', 'print every step, and do nothing')
    .option('--root <folder>', 'write into this folder as if it were /, and start nothing')
    .action((options: InstallOptions) => installOrUpgrade(options, io, failed))
}
