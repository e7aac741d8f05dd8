// How does a pod get a process, and how is that watched?
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { discard } from '@deis/machine/discard'
import { stopGroup } from '@deis/machine/pid'
import { slugFile } from '@deis/machine/slugs'
import { logSource } from '@deis/ports/names'
import { formatLine } from '@deis/ports/lines'
import { type Backend, inBackground, makePassage } from './backend.ts'
import { watchHealth } from './health.ts'
import { type CommandOptions, launch, type Life, podVariable } from './launch.ts'
import { follow } from './output.ts'
import { type Pod, save } from './pod.ts'
import { podFolder } from './state.ts'

/** What releases of source code call PORT unless their config says otherwise (docs/contract/api.md §3.9). */
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

type Place = { readonly home: string; readonly temporary: string }

function placeOf(backend: Backend, pod: Pod): Place {
  const folder = podFolder(backend.options.folder, pod.app.id, pod.name)
  return { home: join(folder, 'app'), temporary: join(folder, 'tmp') }
}

function envOf(backend: Backend, pod: Pod, { home, temporary }: Place): Record<string, string> {
  const { path, locale } = backend.options
  const own = { HOME: home, PORT: String(pod.port), [podVariable]: pod.name }
  return { PATH: path, TMPDIR: temporary, ...locale, ...pod.spec?.env, ...own }
}

/** How commands run in a pod: its folder, environment and user. */
export async function surroundings(backend: Backend, pod: Pod): Promise<Omit<CommandOptions, 'command'>> {
  const { shell, accounts, isolation } = backend.options
  const place = placeOf(backend, pod)
  return {
    isolation,
    shell,
    folder: place.home,
    env: envOf(backend, pod, place),
    runAs: await accounts.of(pod.app.id),
  }
}

/** A fresh copy of the slug, unpacked by the app's user. Nothing of the pod may run in the one before. */
export async function unpackHome(backend: Backend, pod: Pod, signal: AbortSignal): Promise<void> {
  const { options, unpacking } = backend
  const { spec } = pod
  if (spec?.artifact.kind !== 'slug') throw new Error('this platform cannot run images')
  const slug = slugFile(options.slugFolder, spec.artifact.digest)
  const { home, temporary } = placeOf(backend, pod)
  const runAs = await options.accounts.of(pod.app.id)
  await makePassage(backend, pod.app.id, dirname(home))
  await unpacking(signal, async () => {
    for (const folder of [home, temporary]) {
      await discard(folder)
      await mkdir(folder, { mode: 0o700 })
      if (runAs) await chown(folder, runAs.uid, runAs.gid)
    }
    await options.archiver.unpackFile(slug, home, { runAs, signal })
  })
  signal.throwIfAborted()
}

/** The record on disk knows the pod before and the process after. */
export async function begin(backend: Backend, pod: Pod, life: Life): Promise<void> {
  pod.life = life
  pod.started = life.started
  pod.state = 'starting'
  await save(backend, pod.app)
  backend.changed(pod.app.id)
}

/** A process of the pod in a fresh copy of the slug. */
export async function startLife(
  backend: Backend,
  pod: Pod,
  signal: AbortSignal,
  bytes?: (chunk: Buffer) => boolean,
): Promise<Life> {
  await unpackHome(backend, pod, signal)
  await followOutput(backend, pod, bytes)
  const command = pod.spec?.command ?? ''
  const log = join(podFolder(backend.options.folder, pod.app.id, pod.name), 'output.log')
  const life = await launch({ ...(await surroundings(backend, pod)), command }, log)
  await begin(backend, pod, life)
  return life
}

/** (Again) watches the health of the pod's present life. */
export async function watchPod(backend: Backend, pod: Pod): Promise<void> {
  const { options } = backend
  const { spec, life } = pod
  pod.watch.abort()
  if (!life) return
  const watch = new AbortController()
  pod.watch = watch
  void life.exited.then(() => watch.abort())
  const around = { ...(await surroundings(backend, pod)), within: life.identity }
  const target = { port: pod.port, declaredPort: spec?.env['PORT'] ?? slugPort, ...around }
  const health = {
    target,
    routable: pod.routable,
    readiness: spec?.readiness,
    liveness: spec?.liveness,
    ready: (address: string | null) => {
      const news = !pod.ready || pod.address !== address
      Object.assign(pod, { ready: true, address, reason: null, state: 'up' })
      for (const tell of pod.whenReady) tell()
      if (!news) return
      backend.changed(pod.app.id)
      // The next controller finds the address there and need not wait for it.
      if (pod.stage === 'serving') inBackground(backend, pod.app, 'state was not saved', () => save(backend, pod.app))
    },
    unready: (reason: string) => {
      pod.reason = reason
      if (!pod.ready) return
      Object.assign(pod, { ready: false, state: 'starting' })
      backend.changed(pod.app.id)
    },
    broken: (reason: string) => {
      // No more requests and no more probes for this one.
      watch.abort()
      Object.assign(pod, { ready: false, broken: reason, state: 'error' })
      backend.changed(pod.app.id)
      inBackground(backend, pod.app, 'a process could not be stopped', () =>
        stopGroup(life.identity.pid, pod.graceSeconds * 1000, pod.app.leave.signal),
      )
    },
  }
  const watching = watchHealth(health, pod.ready ? pod.address : null, pod.started, watch.signal)
  watching.catch((error: unknown) => options.log('error', 'health watch failed', { pod: pod.name, error }))
}
