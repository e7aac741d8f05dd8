// How do tests get a registry of their own, and small images in one?
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { once } from 'node:events'
import { Header } from 'tar'
import { createConnections } from './connection.ts'
import { createRegistry } from './create.ts'
import { type ImageConfig, Manifest, mediaTypes, readDocument } from './documents.ts'
import { architectureOf } from './facts.ts'
import type { Credentials, ImageFacts, LayerChange, RegistrySettings } from '@deis/ports/registry'
import { blobOf, openRepository, type Repository } from './repository.ts'
import { createWire } from './wire.ts'

/** Whether Debian's docker-registry is installed here. */
export const hasDockerRegistry = (process.env.PATH ?? '').split(delimiter).some((folder) => {
  try {
    accessSync(join(folder, 'docker-registry'), constants.X_OK)
    return true
  } catch {
    return false
  }
})

export type TestFile = { readonly content: string | Buffer; readonly mode?: number; readonly uid?: number }
export type TestFiles = Readonly<Record<string, TestFile>>

/** A tar of files and the folders above them, the same for the same files. */
export function tarOf(files: TestFiles): Buffer {
  const folders = new Set<string>()
  for (const path of Object.keys(files))
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at + 1))
  const entry = (path: string, type: 'File' | 'Directory', mode: number, uid: number, content: Buffer): Buffer[] => {
    const header = new Header({ path, type, mode, uid, gid: uid, mtime: new Date(0), size: content.length })
    header.encode()
    return [header.block as Buffer, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  }
  return Buffer.concat([
    ...[...folders].toSorted().flatMap((path) => entry(path, 'Directory', 0o755, 0, Buffer.alloc(0))),
    ...Object.entries(files).flatMap(([path, { content, mode = 0o644, uid = 0 }]) =>
      entry(path, 'File', mode, uid, Buffer.from(content)),
    ),
    Buffer.alloc(1024),
  ])
}

export type TestImage = Partial<Omit<LayerChange, 'layer'>>

/**
 * An image with these files on top of `$TEST_REGISTRY/busybox:1` (or `base`), in a repository of the test registry that is
 * named after its content (or `target`): the same files make the same image, and nothing of other tests is touched.
 */
export async function imageOf(
  files: TestFiles,
  options: TestImage = {},
  host = process.env.TEST_REGISTRY ?? '',
): Promise<ImageFacts> {
  const tar = tarOf(files)
  const { base = `${host}/busybox:1` } = options
  const id = createHash('sha256').update(tar).update(JSON.stringify(options)).digest('hex').slice(0, 16)
  const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
  const change: LayerChange = {
    target: `${host}/deis-test/${id}`,
    tag: '1',
    entrypoint: [],
    cmd: [],
    workingDir: '/',
    user: null,
    env: {},
    labels: {},
    exposed: [],
    ...options,
    base,
    layer: Readable.from([tar]),
  }
  return registry.appendLayer(change, AbortSignal.timeout(120_000))
}

/** An app that answers every GET of `/` with `text`, on a port that its image exposes. */
export const webImage = (text: string, port = 8080, host?: string): Promise<ImageFacts> =>
  imageOf(
    { 'www/index.html': { content: text } },
    { cmd: ['httpd', '-f', '-p', String(port), '-h', '/www'], exposed: [port] },
    host,
  )

/** `folder`: where it keeps what it has. */
export type TestRegistry = { readonly host: string; readonly folder: string; close(): Promise<void> }

/** The one user of a registry with `auth: 'basic'`. */
export const testUser: Credentials = { username: 'ann', password: 'tea-and-milk' }
const testUserHash = '$2b$04$84ZE80.rYGleEZidO3pX8eEvNc/sPQ4NNEvUEuz3oWuFb9B4LP00u'

export type TestRegistryOptions = {
  readonly auth?: 'basic'
  /** PEM files of a server certificate. */
  readonly tls?: { readonly certificate: string; readonly key: string }
}

/** A real registry with an empty storage on a free port of 127.0.0.1. */
export async function startRegistry({ auth, tls }: TestRegistryOptions = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-registry-'))
  const file = join(folder, 'config.json')
  const passwords = join(folder, 'htpasswd')
  await writeFile(passwords, `${testUser.username}:${testUserHash}\n`)
  // JSON is YAML.
  const config = {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0', secret: 'of no use', ...(tls ? { tls } : {}) },
    ...(auth === 'basic' ? { auth: { htpasswd: { realm: 'tests', path: passwords } } } : {}),
  }
  await writeFile(file, JSON.stringify(config))
  const child = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
  const said: string[] = []
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      said.push(line)
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`127.0.0.1:${port}`)
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`docker-registry ended:\n${said.slice(-5).join('\n')}`)))
  })
  try {
    return { host: await listening, folder: join(folder, 'data'), close }
  } catch (error) {
    await close()
    throw error
  }
}

export type TestBase = {
  readonly files?: TestFiles
  readonly config?: ImageConfig['config']
  readonly architecture?: string
  readonly os?: string
  readonly dialect?: 'oci' | 'docker'
}

/** An image made of nothing, by the plainest calls. */
export async function pushBase(
  name: string,
  tag: string,
  base: TestBase = {},
  settings?: Partial<RegistrySettings>,
): Promise<{ digest: string; size: number; mediaType: string }> {
  const { files = {}, config = {}, os = 'linux', dialect = 'oci' } = base
  // Others may push the same blobs at the same time.
  const repository = repositoryOf(name, settings, 3)
  const signal = AbortSignal.timeout(30_000)
  const tar = tarOf(files)
  const layer = blobOf(gzipSync(tar))
  const architecture = base.architecture ?? architectureOf(process.arch)
  const rootfs = { type: 'layers', diff_ids: [blobOf(tar).digest] }
  const configBlob = blobOf(Buffer.from(JSON.stringify({ architecture, os, config, rootfs })))
  await Promise.all([repository.write(layer, signal), repository.write(configBlob, signal)])
  const types =
    dialect === 'oci'
      ? { manifest: mediaTypes.ociManifest, config: mediaTypes.ociConfig, layer: mediaTypes.ociLayer }
      : { manifest: mediaTypes.dockerManifest, config: mediaTypes.dockerConfig, layer: mediaTypes.dockerLayer }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: configBlob.digest, size: configBlob.size },
      layers: [{ mediaType: types.layer, digest: layer.digest, size: layer.size }],
    }),
  )
  const digest = await repository.putManifest(tag, types.manifest, manifest, signal)
  return { digest, size: manifest.length, mediaType: types.manifest }
}

/** `host/name` of a registry in plain HTTP, with all its single calls. */
export function repositoryOf(name: string, settings: Partial<RegistrySettings> = {}, tries = 1): Repository {
  const slash = name.indexOf('/')
  const host = name.slice(0, slash)
  const connect = createConnections(createWire(), { insecure: [host], mirrors: {}, credentials: {}, ...settings })
  return openRepository(connect(host, settings.credentials?.[host] ?? null, tries), name.slice(slash + 1))
}

/** Gives an image another name in its registry. */
export async function copyImage(from: string, to: string): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const split = (name: string): readonly [Repository, string] => {
    const colon = name.lastIndexOf(':')
    return [repositoryOf(name.slice(0, colon), {}, 3), name.slice(colon + 1)]
  }
  const [[source, tag], [target, newTag]] = [split(from), split(to)]
  const { bytes, mediaType } = await source.manifest(tag, signal)
  const { config, layers } = readDocument(Manifest, bytes, 'the manifest')
  for (const { digest } of [config, ...layers]) await target.mount(digest, source.name, signal)
  await target.putManifest(newTag, mediaType, bytes, signal)
}
