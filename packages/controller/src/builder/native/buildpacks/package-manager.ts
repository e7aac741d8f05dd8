// With which package manager does a Node.js app install, and with which words?
import type { AppFiles } from '../files.ts'

export type PackageJson = {
  readonly scripts?: Readonly<Record<string, unknown>>
  readonly engines?: { readonly node?: unknown }
  readonly packageManager?: unknown
  readonly workspaces?: unknown
  readonly dependencies?: object
  readonly devDependencies?: object
  readonly optionalDependencies?: object
}

export type PackageManager = {
  readonly name: 'npm' | 'pnpm' | 'yarn'
  /** Which version is wanted; null: any that is there. */
  readonly version: string | null
  /** What to install when it is not there, for npm. */
  readonly source: string
  /** Null: there is none. */
  readonly lockFile: string | null
  readonly install: readonly string[]
  /** Removes what is only needed to build; null: it cannot. */
  readonly prune: readonly string[] | null
}

const lockFiles = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
] as const

/** `pnpm@10.1.0+sha512.…` → name and version. */
function pinned(text: unknown): { name: PackageManager['name']; version: string } | null {
  const found = /^(npm|pnpm|yarn)@(\d+\.\d+\.\d+(?:-[\w.]+)?)(?:\+[\w.]+)?$/.exec(typeof text === 'string' ? text : '')
  return found ? { name: found[1] as PackageManager['name'], version: found[2] ?? '' } : null
}

function npm(lockFile: string | null): PackageManager {
  return {
    name: 'npm',
    version: null,
    source: 'npm',
    lockFile,
    install: lockFile ? ['ci', '--include=dev', '--prefer-offline'] : ['install', '--include=dev'],
    prune: ['prune', '--omit=dev', '--ignore-scripts'],
  }
}

function pnpm(version: string | null, lockFile: string | null, lock: string): PackageManager {
  // The newest pnpm that reads the lock file and runs on every Node.js we run on.
  const format = Number(/^lockfileVersion:\s*['"]?(\d+)/m.exec(lock)?.[1] ?? 9)
  const major = format >= 9 ? 10 : format >= 6 ? 8 : 7
  const frozen = lockFile ? '--frozen-lockfile' : '--no-frozen-lockfile'
  return {
    name: 'pnpm',
    version,
    source: `pnpm@${version ?? major}`,
    lockFile,
    install: ['install', frozen, '--prod=false'],
    prune: ['prune', '--prod', '--ignore-scripts'],
  }
}

function yarn(version: string | null, lockFile: string | null, lock: string): PackageManager {
  const modern = version ? !/^[01]\./.test(version) : lock.includes('__metadata:')
  const classic = ['install', '--non-interactive', ...(lockFile ? ['--frozen-lockfile'] : [])]
  return {
    name: 'yarn',
    version,
    source: modern ? `@yarnpkg/cli-dist@${version ?? 4}` : `yarn@${version ?? 1}`,
    lockFile,
    install: modern ? ['install', lockFile ? '--immutable' : '--no-immutable'] : [...classic, '--production=false'],
    prune: modern ? null : [...classic, '--production', '--ignore-scripts', '--prefer-offline'],
  }
}

/** The lock file decides, without one the `packageManager` field, without that it is npm. */
export async function choosePackageManager(files: AppFiles, json: PackageJson): Promise<PackageManager> {
  const pin = pinned(json.packageManager)
  const locks = (await Promise.all(lockFiles.map(async (lock) => ((await files.has(lock[0])) ? lock : null)))).filter(
    (lock) => lock !== null,
  )
  const [lockFile = null, name = pin?.name ?? 'npm'] = locks.find((lock) => lock[1] === pin?.name) ?? locks[0] ?? []
  const version = pin?.name === name ? pin.version : null
  const lock = lockFile === null || name === 'npm' ? '' : ((await files.read(lockFile)) ?? '')
  if (name === 'pnpm') return pnpm(version, lockFile, lock)
  return name === 'yarn' ? yarn(version, lockFile, lock) : npm(lockFile)
}
