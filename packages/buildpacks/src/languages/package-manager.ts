// Which package manager does a Node.js app use, and with which commands?
import type { AppFiles } from '../files.ts'

export type PackageJson = {
  readonly name?: unknown
  readonly version?: unknown
  readonly config?: unknown
  readonly bin?: unknown
  readonly scripts?: Readonly<Record<string, unknown>>
  readonly engines?: Readonly<Record<string, unknown>>
  readonly packageManager?: unknown
  readonly workspaces?: unknown
  readonly dependencies?: object
  readonly devDependencies?: object
  readonly optionalDependencies?: object
}

export type PackageManager = {
  readonly name: 'npm' | 'pnpm' | 'yarn' | 'bun'
  /** Which version is wanted; null: any that is there. */
  readonly version: string | null
  /** What to install when it is not there, for npm; null: it must be there. */
  readonly source: string | null
  /** Null: there is none. */
  readonly lockFile: string | null
  readonly install: readonly string[]
  /** Removes what is only needed to build; null: it cannot. */
  readonly prune: readonly string[] | null
  /** What the project says and this does not do, for people. */
  readonly notUsed: readonly string[]
}

const lockFiles = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['npm-shrinkwrap.json', 'npm'],
  ['package-lock.json', 'npm'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
] as const

type Commands = Omit<PackageManager, 'version' | 'lockFile' | 'notUsed'>
type Pin = { readonly name: PackageManager['name']; readonly version: string }

// The version of a lock file stands in its first lines; the file itself may have any size.
const enough = 4096

/** `pnpm@10.1.0+sha512.…` → name and version. */
function pinned(text: unknown): Pin | null {
  const found = /^(npm|pnpm|yarn|bun)@(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[\w.]{1,50})?)(?:\+[\w.]+)?$/.exec(
    typeof text === 'string' ? text.slice(0, 300) : '',
  )
  return found ? { name: found[1] as PackageManager['name'], version: found[2] ?? '' } : null
}

function npm(lockFile: string | null): Commands {
  return {
    name: 'npm',
    source: 'npm',
    install: lockFile ? ['ci', '--include=dev', '--prefer-offline'] : ['install', '--include=dev'],
    prune: ['prune', '--omit=dev', '--ignore-scripts'],
  }
}

function pnpm(version: string | null, lockFile: string | null, lock: string): Commands {
  // The newest pnpm that reads the lock file and runs on every Node.js we run on.
  const format = Number(/^lockfileVersion:\s*['"]?(\d{1,3})/m.exec(lock)?.[1] ?? 9)
  const major = format >= 9 ? 10 : format >= 6 ? 8 : 7
  const frozen = lockFile ? '--frozen-lockfile' : '--no-frozen-lockfile'
  return {
    name: 'pnpm',
    source: `pnpm@${version ?? major}`,
    install: ['install', frozen, '--prod=false'],
    // Its own `prune` takes their dependencies from the packages of a workspace. Without the last argument what nothing needs any
    // more stays for a week.
    prune: ['install', frozen, '--prod', '--ignore-scripts', '--prefer-offline', '--config.modules-cache-max-age=0'],
  }
}

function yarn(version: string | null, lockFile: string | null, lock: string): Commands {
  const modern = version ? !/^[01]\./.test(version) : lock.includes('__metadata:')
  const classic = ['install', '--non-interactive', ...(lockFile ? ['--frozen-lockfile'] : [])]
  if (!modern)
    return {
      name: 'yarn',
      source: `yarn@${version ?? 1}`,
      install: [...classic, '--production=false'],
      prune: [...classic, '--production', '--ignore-scripts', '--prefer-offline'],
    }
  return {
    name: 'yarn',
    source: `@yarnpkg/cli-dist@${version ?? 4}`,
    install: ['install', lockFile ? '--immutable' : '--no-immutable'],
    // Versions 2 and 3 need a plugin for it.
    prune: version && /^[23]\./.test(version) ? null : ['workspaces', 'focus', '--all', '--production'],
  }
}

function bun(lockFile: string | null): Commands {
  return { name: 'bun', source: null, install: ['install', ...(lockFile ? ['--frozen-lockfile'] : [])], prune: null }
}

function notUsed(json: PackageJson, pin: Pin | null, name: string, locks: readonly string[]): string[] {
  const [used, ...others] = locks
  const lines = others.map(
    (lock) => `${lock} is not used, because there is ${used}: remove the one that is out of date.`,
  )
  if (json.packageManager !== undefined && pin === null)
    lines.push(
      'packageManager in package.json is not used: it must be a name and a whole version, such as "pnpm@10.1.0".',
    )
  else if (pin && pin.name !== name)
    lines.push(`packageManager in package.json (${pin.name}) is not used, because ${used} is of ${name}.`)
  return lines
}

/** The lock file decides, without one the `packageManager` field, without that it is npm. */
export async function choosePackageManager(files: AppFiles, json: PackageJson): Promise<PackageManager> {
  const pin = pinned(json.packageManager)
  const there = await Promise.all(lockFiles.map(async (lock) => ((await files.has(lock[0])) ? [lock] : [])))
  const locks = there.flat()
  const [lockFile = null, name = pin?.name ?? 'npm'] = locks.find((lock) => lock[1] === pin?.name) ?? locks[0] ?? []
  const version = pin?.name === name ? pin.version : null
  const lock = lockFile === null || name === 'npm' ? '' : ((await files.head(lockFile, enough)) ?? '')
  const commands = {
    npm: () => npm(lockFile),
    pnpm: () => pnpm(version, lockFile, lock),
    yarn: () => yarn(version, lockFile, lock),
    bun: () => bun(lockFile),
  }[name]()
  const ordered = [
    ...(lockFile === null ? [] : [lockFile]),
    ...locks.map(([file]) => file).filter((file) => file !== lockFile),
  ]
  return { ...commands, version, lockFile, notUsed: notUsed(json, pin, name, ordered) }
}
