// How does a platform come up that hands its containers to the test engine, and leave nothing there?
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { freePort } from './port.ts'
import { type Platform, registrationToken, startPlatform } from './platform.ts'

const run = promisify(execFile)

const { TEST_DOCKER_HOST, TEST_DOCKER_REGISTRY } = process.env

/** Null where there is no engine: tests are skipped by name then. */
export const testEngine =
  TEST_DOCKER_HOST && TEST_DOCKER_REGISTRY ? { host: TEST_DOCKER_HOST, registry: TEST_DOCKER_REGISTRY } : null

/** Runs the engine's own command line and gives what it prints. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args, {
    env: { ...process.env, DOCKER_HOST: testEngine?.host },
    maxBuffer: 32 * 1024 * 1024,
    timeout: 120_000,
  })
  return stdout.trim()
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** Ids of an app's containers, also of those that have ended. */
export const containersOf = async (app: string): Promise<string[]> =>
  lines(await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=io.deis.app=${app}`))

export type EnginePlatform = Platform & {
  readonly registry: string
  /** An app's name: nobody else on the engine has it. */
  name(app: string): string
  /** What there is of apps of this platform, of all kinds. */
  left(): Promise<string[]>
}

/** What has a label of an app whose name begins so. */
async function found(prefix: string): Promise<string[]> {
  const kinds = [
    ['container', 'ps', '--all', '--format', '{{.ID}} {{.Label "io.deis.app"}}'],
    ['network', 'network', 'ls', '--format', '{{.ID}} {{.Label "io.deis.app"}}'],
    ['volume', 'volume', 'ls', '--format', '{{.Name}} {{.Label "io.deis.app"}}'],
  ] as const
  const all = await Promise.all(
    kinds.map(async ([kind, ...args]) =>
      lines(await docker(...args)).flatMap((line) => {
        const [id = '', app = ''] = line.split(' ')
        return app.startsWith(prefix) ? [`${kind} ${id}`] : []
      }),
    ),
  )
  return all.flat()
}

/** The registry of the platform on this port, its network and its volume, and images that were built or pulled from there. */
async function removeRegistry(port: string): Promise<void> {
  const filters = ['--filter', `publish=${port}`, '--filter', 'label=io.deis.kind=registry']
  const platform = await docker('ps', '--all', ...filters, '--format', '{{.Label "io.deis.platform"}}')
  if (platform === '') return
  const ours = ['--filter', `label=io.deis.platform=${platform}`]
  await docker('rm', '--force', '--volumes', ...lines(await docker('ps', '--all', '--quiet', ...ours)))
  for (const kind of ['network', 'volume']) {
    const ids = lines(await docker(kind, 'ls', '--quiet', ...ours))
    if (ids.length > 0) await docker(kind, 'rm', ...ids)
  }
  for (const id of new Set(lines(await docker('images', '--quiet', '--no-trunc', ...ours))))
    await docker('rmi', '--force', id)
  // By name: others may use the same images under theirs.
  const host = `127.0.0.1:${port}`
  const format = ['--digests', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}']
  for (const pattern of [`${host}/*`, `${host}/*/*`])
    for (const line of lines(await docker('images', ...format, pattern))) {
      const [repository = '', tag = '', digest = ''] = line.split(' ')
      const names = [
        tag === '<none>' ? '' : `${repository}:${tag}`,
        digest === '<none>' ? '' : `${repository}@${digest}`,
      ]
      for (const name of names.filter((one) => one !== ''))
        await docker('rmi', name).catch((error: Error) => {
          // It went with another one of its names.
          if (!error.message.includes('No such image')) throw error
        })
    }
}

/** Controller and router run here, apps and builds in the engine. */
export async function startOnDocker(settings: Readonly<Record<string, string>> = {}): Promise<EnginePlatform> {
  if (!testEngine) throw new Error('there is no test engine')
  const { host, registry } = testEngine
  const prefix = `e2e-${randomBytes(3).toString('hex')}`
  const port = String(await freePort())
  const platform = await startPlatform({
    DEIS_SCHEDULER: 'docker',
    DEIS_DOCKER_REGISTRY_IMAGE: 'deis-test/registry:1',
    DEIS_DOCKER_REGISTRY_PORT: port,
    DEIS_DOCKER_HOST: host,
    DEIS_REGISTRY_INSECURE: registry,
    DEIS_STACK_IMAGE: `${registry}/stack:1`,
    DEIS_RUN_IMAGE: `${registry}/stack:1`,
    DEIS_REGISTRATION_TOKEN: registrationToken,
    REGISTRATION_MODE: 'enabled',
    KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '3',
    ...settings,
  })
  const stop = async (): Promise<void> => {
    try {
      await platform.stop()
    } finally {
      // Containers stay when their controller ends: it would find them again.
      const left = await found(prefix)
      for (const kind of ['container', 'network', 'volume']) {
        const ids = left.flatMap((one) => (one.startsWith(`${kind} `) ? [one.slice(kind.length + 1)] : []))
        if (ids.length > 0) await docker(kind, 'rm', ...(kind === 'container' ? ['--force', '--volumes'] : []), ...ids)
      }
      await removeRegistry(settings.DEIS_DOCKER_REGISTRY_PORT ?? port)
    }
  }
  const more = { registry, name: (app: string) => `${prefix}-${app}`, left: () => found(prefix), stop }
  // Its getters answer for the controller of the moment.
  return Object.create(platform, Object.getOwnPropertyDescriptors(more)) as EnginePlatform
}
