// How do tests build apps on the real cluster, in a namespace of their own, with a controller that is only a small HTTP server?
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { createKube, type Kube } from '../client/client.ts'
import { type Job, type ListOf, pathOf, type Pod } from '../client/objects.ts'
import { loadTransport } from '../client/transport.ts'
import { testArchiver } from '@deis/machine/archive-testing'
import { createRegistry } from '@deis/registry/create'
import type { Registry } from '@deis/ports/registry'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import { type Files, tarOf } from '@deis/buildpacks/testing'
import type { Builder, BuildRequest, BuildResult } from '@deis/ports/builder'
import { createJobBuilder, type JobBuilderOptions } from './create.ts'
import { createHandOff } from './handoff.ts'

export type Attempt = { readonly result: BuildResult; readonly output: string }

/** `code` is null for a pod that was deleted. */
export type Ran = { readonly log: string; readonly code: number | null; readonly milliseconds: number }

export type TestCluster = {
  readonly kube: Kube
  readonly registry: Registry
  readonly namespace: string
  /** Where images go: `host/organization`. */
  readonly target: string
  readonly builder: Builder
  /** Another builder with the same cluster. */
  another(options: Partial<JobBuilderOptions>): Promise<Builder>
  /** Output so far of the newest build. */
  output(): string
  build(files: Files, more?: Partial<BuildRequest>, signal?: AbortSignal, builder?: Builder): Promise<Attempt>
  jobs(): Promise<readonly Job[]>
  pods(): Promise<readonly Pod[]>
  /** Runs an image until its pod ends; with `until`, until that was said, and then the pod is deleted. */
  run(image: string, args: readonly string[], until?: string, command?: readonly string[]): Promise<Ran>
  /** Resolves when the output has the text. */
  said(text: string): Promise<void>
  close(): Promise<void>
}

async function runImage(kube: Kube, pod: Pod, until?: string): Promise<Ran> {
  const { namespace, name } = pod.metadata ?? {}
  const signal = AbortSignal.timeout(60_000)
  await kube.create(pathOf('v1/Pod', namespace), pod, { signal })
  const path = pathOf('v1/Pod', namespace, name)
  for (;;) {
    const found = await kube.get<Pod>(path, { signal })
    const state = found.status?.containerStatuses?.[0]?.state
    const log = (): Promise<string> => kube.stream(`${path}/log`, {}, signal).then(text)
    if (state?.terminated) return { log: await log(), code: state.terminated.exitCode, milliseconds: 0 }
    if (until !== undefined && state?.running && (await log()).includes(until)) break
    await sleep(100, undefined, { signal })
  }
  const began = Date.now()
  const rest = kube.stream(`${path}/log`, { follow: true }, signal).then(text)
  await kube.remove(path, { signal })
  return { log: await rest, code: null, milliseconds: Date.now() - began }
}

/** The runner as `scripts/build.mjs` makes it. */
async function bundleRunner(folder: string): Promise<string> {
  const { build } = await import('esbuild')
  const entry = fileURLToPath(new URL('../../../buildpacks/src/runner/main.ts', import.meta.url))
  const programs = new URL('../../../../scripts/programs.mjs', import.meta.url).href
  const { embedPrograms } = (await import(programs)) as { embedPrograms: Plugin }
  await build({
    entryPoints: { runner: entry },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    plugins: [embedPrograms],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  return join(folder, 'runner.js')
}

export async function openTestCluster(host: string, address: string): Promise<TestCluster> {
  const id = randomBytes(4).toString('hex')
  const namespace = noteNamespaces(`jobtest-${id}`)
  const folder = await mkdtemp(join(tmpdir(), 'deis-job-builder-'))
  const { transport } = await loadTransport()
  const kube = createKube(transport)
  const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
  const server = createServer((request, response) => {
    if (!handOff.handle(request, response)) response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const handOff = createHandOff(() => `http://${address}:${(server.address() as AddressInfo).port}`)
  let folders = 0
  const options: JobBuilderOptions = {
    kube,
    registry,
    archiver: testArchiver,
    handOff,
    namespace,
    images: { stack: `${host}/stack:1`, run: `${host}/stack:1`, buildah: `${host}/buildah:1`, tools: null },
    target: { host, organization: namespace },
    credentials: null,
    insecure: [host],
    timeoutSeconds: 120,
    limits: { memory: '1Gi', cpu: '2', disk: '2Gi' },
    cacheFolder: '',
    instance: `jobtest-${id}`,
    alive: async () => true,
    runnerFile: await bundleRunner(folder),
    log: () => {},
  }
  const another = (more: Partial<JobBuilderOptions>): Promise<Builder> =>
    createJobBuilder({ ...options, cacheFolder: join(folder, String(++folders)), ...more })
  const builder = await another({})
  let output = ''
  let count = 0
  let runs = 0
  let listeners: (() => void)[] = []
  return {
    kube,
    registry,
    namespace,
    target: `${host}/${namespace}`,
    builder,
    another,
    output: () => output,
    async build(files, more = {}, signal = new AbortController().signal, by = builder) {
      // Before anything is awaited: whoever waits for output must not see that of the build before.
      output = ''
      const source = await tarOf(files)
      const request: BuildRequest = {
        id: `${id}-${++count}`,
        app: 'myapp',
        sha: '0123456789abcdef0123456789abcdef01234567',
        config: {},
        source: () => Readable.from([source]),
        noCache: false,
        ...more,
      }
      const write = (text: string): void => {
        output += text
        for (const listener of listeners) listener()
      }
      return { result: await by.build(request, write, signal), output }
    },
    async jobs() {
      const found: ListOf<Job> = await kube.list(pathOf('batch/v1/Job', namespace))
      return found.items
    },
    async pods() {
      const found: ListOf<Pod> = await kube.list(pathOf('v1/Pod', namespace))
      return found.items
    },
    run(image, args, until, command) {
      const pod: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `run-${++runs}`, namespace },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 20,
          containers: [
            {
              name: 'app',
              image,
              ...(command === undefined ? {} : { command: [...command] }),
              args: [...args],
              env: [{ name: 'FROM_ENV', value: 'yes' }],
            },
          ],
        },
      }
      return runImage(kube, pod, until)
    },
    said: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!output.includes(text)) return
          listeners = listeners.filter((listener) => listener !== look)
          resolve()
        }
        listeners.push(look)
        look()
      }),
    async close() {
      const path = pathOf('v1/Namespace', undefined, namespace)
      await kube.remove(path)
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
      // The next suite must not find the cluster still cleaning up.
      for (let tries = 0; tries < 100 && (await kube.find(path)); tries++) await sleep(200)
      kube.close()
    },
  }
}
