// What is this machine, and what does it have, that an installation depends on?
import { readFile, stat, statfs } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { dirname } from 'node:path'
import { ask, versionIn } from './ask.ts'
import { engineHere } from './engine.ts'

export type Disk = { readonly path: string; readonly free: number; readonly total: number }

export type Facts = {
  readonly root: boolean
  readonly system: string
  readonly arch: string
  readonly hostname: string
  /** Of its network interfaces, without those that only this machine uses. */
  readonly addresses: readonly string[]
  /** The version; null: systemd does not run this machine. */
  readonly systemd: number | null
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number; readonly swap: number }
  readonly disks: readonly Disk[]
  /** Versions; null: not there. */
  readonly node: string
  readonly git: string | null
  /** Null: none that apps could run in answers. */
  readonly docker: string | null
  readonly nft: boolean
  /** Null: nothing here knows. */
  readonly clockSynchronized: boolean | null
}

/** Fields of /proc/meminfo, in bytes. */
export function memoryOf(meminfo: string): Facts['memory'] {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  return { total: field('MemTotal'), available: field('MemAvailable'), swap: field('SwapTotal') }
}

/** PRETTY_NAME of /etc/os-release. */
export function systemOf(release: string): string {
  return /^PRETTY_NAME="?([^"\n]+)"?$/m.exec(release)?.[1] ?? 'Linux'
}

/** Interfaces of Docker's networks, which only containers of this machine are in: the usual one, those of users, and those of apps. */
export const isOfContainers = (name: string): boolean =>
  /^(?:docker\d+|docker_gwbridge|br-[0-9a-f]{12}|deis-[0-9a-f]{8})$/.test(name)

async function systemdVersion(): Promise<number | null> {
  // As sd_booted(3) finds out.
  if (!(await stat('/run/systemd/system').catch(() => null))?.isDirectory()) return null
  const { stdout } = await ask(['systemctl', '--version'])
  const version = /^systemd (\d+)/.exec(stdout)?.[1]
  return version === undefined ? null : Number(version)
}

/** Of the nearest folder that exists. */
async function diskOf(path: string): Promise<Disk> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    return { path, free: bavail * bsize, total: blocks * bsize }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || path === dirname(path)) throw error
    return { ...(await diskOf(dirname(path))), path }
  }
}

async function clock(): Promise<boolean | null> {
  const { code, stdout } = await ask(['timedatectl', 'show', '--property=NTPSynchronized', '--value'])
  return code === 0 ? stdout.trim() === 'yes' : null
}

const text = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** `folders`: whose disks matter. */
export async function readFacts(folders: readonly string[]): Promise<Facts> {
  const [release, meminfo, systemd, git, docker, nft, clockSynchronized] = await Promise.all([
    text('/etc/os-release'),
    text('/proc/meminfo'),
    systemdVersion(),
    ask(['git', '--version']),
    engineHere(),
    ask(['nft', '--version']),
    clock(),
  ])
  return {
    root: process.getuid?.() === 0,
    system: systemOf(release),
    arch: process.arch,
    hostname: hostname(),
    addresses: Object.entries(networkInterfaces())
      .flatMap(([name, all]) => (isOfContainers(name) ? [] : (all ?? [])))
      .filter(({ internal, scopeid }) => !internal && !scopeid)
      .map(({ address }) => address),
    systemd,
    memory: memoryOf(meminfo),
    disks: await Promise.all(folders.map(diskOf)),
    node: process.version.slice(1),
    git: git.code === 0 ? versionIn(git.stdout) : null,
    docker,
    nft: nft.code === 0,
    clockSynchronized,
  }
}
