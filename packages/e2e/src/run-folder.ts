// Where does a run of the tests keep all that it makes, so that nothing of it goes on when the run is killed? Linux only.
//
// All temporary folders of a run lie in one that is named after the runner: whatever works there, was told of it or has it in its
// environment belongs to that run, and ends when the runner is gone: by a watchdog, or by the next run.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { freemem, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { tableName } from '@deis/machine/firewall'
import { notedNamespaces } from '@deis/ports/testing/namespaces'
import { processesAround } from './processes.ts'

/** Lets node run TypeScript. */
export const typescript = ['--import', createRequire(import.meta.url).resolve('tsx')] as const
const watchdog = fileURLToPath(new URL('run-watchdog.ts', import.meta.url))
const pattern = /^deis-run-(\d+)-(\d+)-([0-9a-f]{8})$/

/** Where pids mean the same: this boot, and this namespace of them. */
function pidNamespace(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')
  return createHash('sha256')
    .update(boot + readlinkSync('/proc/self/ns/pid'))
    .digest('hex')
    .slice(0, 8)
}

/** A pid may be used again; together with this it names one process. Null: there is none. */
function startOf(pid: number): string | null {
  try {
    const [state, ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return state === 'Z' ? null : (rest[18] ?? null)
  } catch {
    // It has ended.
    return null
  }
}

/** What killed platforms have closed: the same ports are somebody else's the next time. */
async function openPorts(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => []))
    spawnSync('nft', ['delete', 'table', 'inet', tableName(join(folder, name, 'data'))], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdio: 'ignore',
    })
}

/** With what an installation of the platform has beside them. A cluster that does not answer any more has nothing left. */
function deleteNamespaces(folder: string): void {
  const noted = notedNamespaces(folder)
  for (const kubeconfig of new Set(noted.map((one) => one.kubeconfig))) {
    const kubectl = (...args: string[]): string =>
      spawnSync('kubectl', args, {
        env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig },
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 30_000,
      }).stdout ?? ''
    const prefixes = noted.filter((one) => one.kubeconfig === kubeconfig).map(({ prefix }) => `/${prefix}`)
    const there = kubectl(
      'get',
      'namespaces,clusterroles,clusterrolebindings,persistentvolumes',
      '--output=name',
    ).split('\n')
    const left = there.filter((name) => prefixes.some((prefix) => name.includes(prefix)))
    if (left.length > 0) kubectl('delete', '--wait=false', ...left)
  }
}

/** Ends all that is around the folder, and deletes it. What is another user's is left to that one. */
async function endRun(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const left = await processesAround(folder)
    if (left.length === 0) break
    for (const { pid } of left)
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // Ended by itself meanwhile.
      }
    await sleep(50)
  }
  await openPorts(folder)
  deleteNamespaces(folder)
  await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(() => {})
}

/** Ends what runs below `base` have left whose runner is gone. */
export async function sweepRuns(base: string): Promise<void> {
  const here = pidNamespace()
  for (const name of await readdir(base)) {
    const [, pid, started, where] = pattern.exec(name) ?? []
    if (where === here && startOf(Number(pid)) !== started) await endRun(join(base, name))
  }
}

const memory = '/dev/shm'
/** Runs were seen to keep less than a tenth of it at a time. */
const enoughBytes = 2 ** 30

/** Whether files can be kept in memory here, and programs among them be started. */
async function holdsRuns(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder)
    if (Math.min(bavail * bsize, freemem()) < enoughBytes) return false
    const trial = await mkdtemp(join(folder, 'deis-trial-'))
    try {
      await writeFile(join(trial, 'run'), '#!/bin/sh\n', { mode: 0o755 })
      return spawnSync(join(trial, 'run'), { stdio: 'ignore' }).status === 0
    } finally {
      await rm(trial, { recursive: true })
    }
  } catch {
    // There is none, or it is not ours to write to.
    return false
  }
}

/**
 * From now on, temporary folders of this process and of its children are those of a run. `inMemory`: where that is possible and
 * nobody has set TMPDIR; thousands of databases and repositories otherwise wait for the disk. @returns what ends it.
 */
export async function openRun({ inMemory = false } = {}): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return async () => {}
  const before = process.env['TMPDIR']
  // Each project of one run asks for it.
  if (tmpdir().includes(`deis-run-${process.pid}-`)) return async () => {}
  const base = inMemory && before === undefined && (await holdsRuns(memory)) ? memory : tmpdir()
  // Another run may have had less memory.
  for (const one of new Set([base, tmpdir()])) await sweepRuns(one)
  const folder = join(base, `deis-run-${process.pid}-${startOf(process.pid)}-${pidNamespace()}`)
  await mkdir(folder)
  // Users of apps must be able to enter.
  await chmod(folder, 0o755)
  process.env['TMPDIR'] = folder
  // In a group of its own: what kills this one does not reach it.
  const child = spawn(process.execPath, [...typescript, watchdog, folder], {
    cwd: '/',
    env: { PATH: process.env['PATH'] },
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.unref()
  return async () => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
