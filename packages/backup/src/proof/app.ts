// Does an app of the backup run? One is tried apart from the platform: no route leads to it, and its ports and user are its own.
import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Config } from '@deis/controller/config'
import { formation, type ReleaseParts } from '@deis/controller/domain/releases/formation'
import { latestGood, releaseParts } from '@deis/controller/domain/releases/release'
import { withOwner } from '@deis/controller/domain/apps/rows'
import { openDb } from '@deis/controller/store/open'
import { createVault } from '@deis/controller/store/crypto'
import { listen } from '@deis/lib/listen'
import { openAccounts, trialUser } from '@deis/machine/accounts'
import type { Backend } from '@deis/ports/backend'
import { DeployFailure } from '@deis/ports/scheduler'
import { openBackend } from '@deis/process'
import { messageOf } from '@deis/types'
import type { Manifest } from '../format/manifest.ts'
import type { Programs } from '../programs.ts'
import type { Home } from '../restore/home.ts'
import { slugName } from '../snapshot/apps.ts'
import { linkOrCopy } from '../snapshot/slugs.ts'
import { unless } from '../files.ts'

export type Trial = {
  readonly config: Config
  readonly programs: Programs
  readonly signal: AbortSignal
}

const commandSeconds = 120
const longestOutput = 2000

/** Users of apps may pass through it, as through the data folder. */
const folderOf = ({ config }: Trial): string => join(config.dataDir, '.backup-app')

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server, 0, '127.0.0.1')
  server.close()
  return port
}

/** A text: why none is tried, because it would run as root. */
async function openTrial(trial: Trial): Promise<Backend | string> {
  const { config, programs } = trial
  const folder = folderOf(trial)
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const accounts = await openAccounts(folder)
  if (!accounts.isolated && process.getuid?.() === 0) return accounts.reason
  const port = await freePort()
  return openBackend(
    {
      ...config,
      dataDir: folder,
      portFirst: port,
      portLast: port,
    },
    {
      archiveProgram: programs.archive,
      drained: async () => {},
      // What fails is the result; what is missing for isolation, the platform itself has said.
      log: () => {},
      // Never that of an app of the platform: all processes of this one are ended at the end.
      accounts: accounts.isolated ? { ...accounts, of: async () => trialUser, release: async () => {} } : accounts,
    },
  )
}

/** Ends whatever runs in it, and deletes all of it. */
async function closeTrial(trial: Trial, { scheduler, close }: Backend): Promise<void> {
  const folder = folderOf(trial)
  for (const app of await unless(readdir(join(folder, 'ps', 'pods')), 'ENOENT', []))
    await scheduler.remove(app, AbortSignal.timeout(60_000))
  await scheduler.close({ stop: true })
  await close()
  await rm(folder, { recursive: true, force: true })
}

/** What a killed proof left running is ended. */
export async function clearTrial(trial: Trial): Promise<void> {
  if ((await unless(access(folderOf(trial)), 'ENOENT', null)) === null) return
  const backend = await openTrial(trial)
  if (typeof backend !== 'string') await closeTrial(trial, backend)
}

/**
 * Asks for the program that the app's process begins with, so that its files, its profile and its runtime are there, and
 * nothing of its own runs: a real app would work with its real database, and do its jobs twice.
 */
export function harmlessCommand(procfile: Readonly<Record<string, string>>): string {
  const words = (procfile['web'] ?? Object.values(procfile)[0] ?? '').trim().split(/\s+/)
  const first = words.find((word) => word !== 'exec' && word !== 'env' && !/^[A-Za-z_]\w*=/.test(word))
  return first !== undefined && /^[\w./-]{1,200}$/.test(first) && !first.startsWith('-')
    ? `command -v ${first}`
    : 'true'
}

async function readParts(home: Home, { programs }: Trial, app: string, keys: string): Promise<ReleaseParts> {
  const { db, close } = await openDb(home.url, programs.migrations)
  try {
    const row = await db.app.findUniqueOrThrow({ where: { id: app }, include: withOwner })
    const key = (await readFile(join(keys, 'secret.key'), 'utf8')).trim()
    return releaseParts({ vault: createVault(Buffer.from(key, 'hex')) }, row, await latestGood(db, row))
  } finally {
    await close()
  }
}

async function runHarmless({ scheduler }: Backend, parts: ReleaseParts, signal: AbortSignal): Promise<string> {
  const command = harmlessCommand(parts.build.procfile)
  let output = ''
  const code = await scheduler.run(
    {
      app: parts.app,
      release: parts.version,
      artifact: { kind: 'slug', digest: parts.build.image },
      // Not its config: that has the addresses of its databases.
      env: { DEIS_APP: parts.app },
      tags: {},
      registry: {},
      pullPolicy: 'IfNotPresent',
      command,
      timeoutSeconds: commandSeconds,
    },
    { output: (chunk) => (output = (output + chunk).slice(-longestOutput)), signal },
  )
  if (code !== 0) throw new Error(`\`${command}\` ended with ${code}: ${output.trim() || 'it said nothing'}`)
  return `"${parts.app}" v${parts.version} unpacks, and \`${command}\` works in it`
}

async function runReal(
  { scheduler }: Backend,
  parts: ReleaseParts,
  { config }: Trial,
  signal: AbortSignal,
): Promise<string> {
  const type = parts.build.procfile['web'] === undefined ? (Object.keys(parts.build.procfile)[0] ?? 'web') : 'web'
  const wanted = formation(parts, { [type]: 1 }, { routable: true, autoscale: {} }, config)
  await scheduler.apply(wanted, signal, () => {})
  return `"${parts.app}" v${parts.version} runs: its process "${type}" ${wanted.routable === null ? 'started' : 'answered on its port'}`
}

/** Each time another one, so that all are tried in time. Null: there is none. */
export function chosenApp({ apps, createdAt }: Pick<Manifest, 'apps' | 'createdAt'>): string | null {
  const built = apps.filter(({ artifact }) => artifact !== null && slugName(artifact) !== null)
  return built[Math.floor(Date.parse(createdAt) / 1000) % built.length]?.id ?? null
}

/** `data`: the restored folder. Returns what was found. @throws when the app does not run. */
export async function tryApp(trial: Trial, home: Home, data: string, manifest: Manifest): Promise<string | null> {
  const { config, signal } = trial
  const { tryApp: wanted, proofApp: named } = config.backup
  if (!wanted && named === '') return null
  if (manifest.scheduler !== 'process') return 'app: none was tried; that is only done for slugs'
  const app = named === '' ? chosenApp(manifest) : named
  const stored = manifest.apps.find(({ id }) => id === app)
  if (named !== '' && !stored?.artifact)
    throw new Error(`there is no app "${named}" with a build (DEIS_BACKUP_PROOF_APP)`)
  if (app === null || !stored?.artifact) return 'app: none has a build yet'
  const backend = await openTrial(trial)
  if (typeof backend === 'string') return `app: none was tried, because ${backend}`
  try {
    const slugs = join(folderOf(trial), 'slugs')
    const slug = slugName(stored.artifact) ?? ''
    await linkOrCopy(join(data, 'slugs', slug), join(slugs, slug))
    const parts = await readParts(home, trial, app, join(data, 'keys'))
    const found =
      named === '' ? await runHarmless(backend, parts, signal) : await runReal(backend, parts, trial, signal)
    return `app: ${found}`
  } catch (error) {
    signal.throwIfAborted()
    const evidence = error instanceof DeployFailure ? error.evidence.join('; ').slice(-longestOutput) : ''
    throw new Error(`the app "${app}" does not run: ${messageOf(error)}${evidence === '' ? '' : ` (${evidence})`}`, {
      cause: error,
    })
  } finally {
    await closeTrial(trial, backend)
  }
}
