// How does a pod get a process, and how is it watched?
import { randomBytes } from 'node:crypto'
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { amounts } from '@deis/container/amounts'
import { cpuQuantity, memoryQuantity } from '@deis/container/quantity'
import type { RunAs } from '@deis/machine/accounts'
import { discard } from '@deis/machine/discard'
import type { Shares } from '@deis/machine/limits'
import { type Identity, stopGroup } from '@deis/machine/pid'
import { slugFile } from '@deis/machine/slugs'
import { logSource } from '@deis/ports/names'
import { formatLine } from '@deis/ports/lines'
import { DeployFailure } from '@deis/ports/scheduler'
import { type Backend, inBackground, makeAppFolders } from './backend.ts'
import { watchHealth } from '@deis/ports/health'
import { type CommandOptions, launch, type PodProcess, podVariable } from './launch.ts'
import { follow } from './output.ts'
import { type Pod, podFolder, save } from './pod.ts'
import { targetOf } from './target.ts'

/** Slugs; more at a time would only wait for the disk and each other. */
export const unpackedAtOnce = 2

/** PORT of releases of source code, unless their config sets it (docs/contract/api.md §3.9). */
const slugPort = '5000'

export async function followOutput(backend: Backend, pod: Pod, bytes?: (chunk: Buffer) => boolean): Promise<void> {
  const folder = podFolder(backend.options.folder, pod.app.id, pod.name)
  const file = join(folder, 'output.log')
  await writeFile(file, '', { flag: 'a', mode: 0o600 })
  pod.output ??= await follow({
    file,
    offsetFile: join(folder, 'offset'),
    lines: (texts, time) =>
      pod.app.lines.append(texts.map((text) => formatLine({ time, source: logSource(pod), text }))),
    bytes,
    failed: (error) => backend.options.log('error', 'output of a process could not be read', { pod: pod.name, error }),
  })
}

type PodFolders = { readonly home: string; readonly temporary: string }

function foldersOf(backend: Backend, pod: Pod): PodFolders {
  const folder = podFolder(backend.options.folder, pod.app.id, pod.name)
  return { home: join(folder, 'app'), temporary: join(folder, 'tmp') }
}

function envOf(backend: Backend, pod: Pod, { home, temporary }: PodFolders): Record<string, string> {
  const { path, locale } = backend.options
  const own = { HOME: home, PORT: String(pod.port), [podVariable]: pod.name }
  return { PATH: path, TMPDIR: temporary, ...locale, ...pod.spec?.env, ...own }
}

/** Made when the kernel has killed a process of the pod for its memory. */
const killedFile = (backend: Backend, pod: Pod): string =>
  join(podFolder(backend.options.folder, pod.app.id, pod.name), 'killed-for-memory')

export async function wasKilledForMemory(backend: Backend, pod: Pod): Promise<boolean> {
  return (await stat(killedFile(backend, pod)).catch(() => null)) !== null
}

/** What a shell and its command need at least. */
const leastMemory = 6 * 2 ** 20

/** @throws DeployFailure for less than can be started. */
function sharesOf({ type, spec }: Pod): Shares {
  const memory = amounts(spec?.memory, memoryQuantity)
  if (memory.limit !== null && memory.limit < leastMemory)
    throw new DeployFailure(
      `the memory limit of ${type} is ${spec?.memory}, and at least 6M are needed`,
      [],
      `Raise it: deis limits:set ${type}=64M`,
    )
  return { memory, cpu: amounts(spec?.cpu, cpuQuantity) }
}

/** How commands run in a pod: its folder, environment, user and limits. `within`: beside this process of it. */
export async function commandOptions(
  backend: Backend,
  pod: Pod,
  within: Identity | null = null,
): Promise<Omit<CommandOptions, 'command'>> {
  const { shell, accounts, isolation, limits } = backend.options
  const folders = foldersOf(backend, pod)
  return {
    isolation,
    shell,
    folder: folders.home,
    env: envOf(backend, pod, folders),
    runAs: await accounts.of(pod.app.id),
    within,
    // A process that is started again may come before systemd has forgotten the one before.
    scope: within
      ? limits.join(within.pid)
      : limits.scope(`deis-${pod.name}-${randomBytes(4).toString('hex')}`, sharesOf(pod)),
    killed: limits.enforced ? killedFile(backend, pod) : '',
  }
}

/** @returns the folder for the copy of the slug */
async function makeHome(backend: Backend, pod: Pod, runAs: RunAs | null): Promise<string> {
  const { home, temporary } = foldersOf(backend, pod)
  await makeAppFolders(backend, pod.app.id, dirname(home))
  for (const folder of [home, temporary]) {
    await discard(folder)
    await mkdir(folder, { mode: 0o700 })
    if (runAs) await chown(folder, runAs.uid, runAs.gid)
  }
  return home
}

/**
 * What these pods of one release need before they start: their ports are closed to others, and each has a fresh copy of the slug,
 * unpacked by the app's user or ready since its build. No process of a pod may run in its previous one. One program makes all
 * of them: its start takes longer than a small slug.
 */
export async function prepareStart(
  backend: Backend,
  pods: readonly [Pod, ...Pod[]],
  signal: AbortSignal,
): Promise<void> {
  const { options, unpacking, ports } = backend
  const { spec, app } = pods[0]
  if (spec?.artifact.kind !== 'slug') throw new Error('this platform cannot run images')
  const { digest } = spec.artifact
  const runAs = await options.accounts.of(app.id)
  const unpacked = unpacking(signal, async () => {
    const homes: string[] = []
    for (const pod of pods) {
      const home = await makeHome(backend, pod, runAs)
      if (!(await options.copies.take({ app: app.id, digest, folder: home }, runAs))) homes.push(home)
    }
    await options.archiver.unpackSlug(slugFile(options.slugFolder, digest), homes, { runAs, signal })
  })
  // Side by side: each waits for a program. Both are over when this goes on.
  const [copies, ...closed] = await Promise.allSettled([unpacked, ...pods.map(({ port }) => ports.closed(port))])
  for (const one of [...closed, copies]) if (one.status === 'rejected') throw one.reason
  signal.throwIfAborted()
}

/** The pod is recorded on disk before this, and with its process after it. */
export async function begin(backend: Backend, pod: Pod, process: PodProcess): Promise<void> {
  pod.process = process
  pod.started = process.started
  pod.state = 'starting'
  await save(backend, pod.app)
  backend.changed(pod.app.id)
}

/** A process of the pod in its copy of the slug. */
export async function startInHome(backend: Backend, pod: Pod, bytes?: (chunk: Buffer) => boolean): Promise<PodProcess> {
  await followOutput(backend, pod, bytes)
  const command = pod.spec?.command ?? ''
  const log = join(podFolder(backend.options.folder, pod.app.id, pod.name), 'output.log')
  await rm(killedFile(backend, pod), { force: true })
  const process = await launch({ ...(await commandOptions(backend, pod)), command }, log)
  await begin(backend, pod, process)
  return process
}

/** A process of the pod in a fresh copy of the slug. */
export async function startProcess(
  backend: Backend,
  pod: Pod,
  signal: AbortSignal,
  bytes?: (chunk: Buffer) => boolean,
): Promise<PodProcess> {
  await prepareStart(backend, [pod], signal)
  return startInHome(backend, pod, bytes)
}

/** Starts or restarts watching the health of the pod's current process. */
export async function watchPod(backend: Backend, pod: Pod): Promise<void> {
  const { log } = backend.options
  const { spec, process } = pod
  pod.watch.abort()
  if (!process) return
  const watch = new AbortController()
  pod.watch = watch
  void process.exited.then(() => watch.abort())
  const options = { ...(await commandOptions(backend, pod, process.identity)), within: process.identity }
  const target = targetOf({ port: pod.port, declaredPort: spec?.env['PORT'] ?? slugPort, ...options })
  const health = {
    target,
    routable: pod.routable,
    readiness: spec?.readiness,
    liveness: spec?.liveness,
    ready: (address: string | null) => {
      const news = !pod.ready || pod.address !== address
      Object.assign(pod, { ready: true, address, reason: null, problem: null, state: 'up' })
      for (const notify of pod.whenReady) notify()
      if (!news) return
      backend.changed(pod.app.id)
      // The next controller reads the address from there and need not wait for it.
      if (pod.stage === 'serving') inBackground(backend, pod.app, 'state was not saved', () => save(backend, pod.app))
    },
    unready: (reason: string) => {
      pod.reason = reason
      if (!pod.ready) return
      Object.assign(pod, { ready: false, state: 'starting' })
      backend.changed(pod.app.id)
    },
    broken: (reason: string) => {
      // This process gets no more requests and no more probes.
      watch.abort()
      Object.assign(pod, { ready: false, broken: reason, state: 'error' })
      backend.changed(pod.app.id)
      inBackground(backend, pod.app, 'a process could not be stopped', () =>
        stopGroup(process.identity.pid, pod.graceSeconds * 1000, pod.app.leave.signal),
      )
    },
  }
  const watching = watchHealth(health, pod.ready ? pod.address : null, pod.started, watch.signal)
  watching.catch((error: unknown) => log('error', 'health watch failed', { pod: pod.name, error }))
}
