// How does the stand-in lifecycle read images from registries and push them, by plain HTTP calls?
import { randomUUID } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { digestOf } from './tarball.ts'

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  list: 'application/vnd.docker.distribution.manifest.list.v2+json',
  oci: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
}
const configType = 'application/vnd.oci.image.config.v1+json'
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

type Descriptor = { mediaType: string; digest: string; size: number }
export type Config = {
  architecture: string
  os: string
  config?: { Env?: string[]; Labels?: Record<string, string>; [name: string]: unknown }
  rootfs: { type: string; diff_ids: string[] }
  history?: object[]
}
export type RemoteImage = {
  readonly name: Name
  readonly digest: string
  readonly layers: readonly Descriptor[]
  readonly config: Config
}
type Name = { readonly host: string; readonly repository: string; readonly version: string }

export class Refused extends Error {}

function parseName(text: string): Name {
  const [named = '', digest] = text.split('@')
  const slash = named.indexOf('/')
  const first = named.slice(0, Math.max(slash, 0))
  const isHost = /[.:]/.test(first) || first === 'localhost'
  const path = isHost ? named.slice(slash + 1) : named
  const colon = path.indexOf(':')
  const repository = colon === -1 ? path : path.slice(0, colon)
  const tag = colon === -1 ? 'latest' : path.slice(colon + 1)
  return { host: isHost ? first : 'index.docker.io', repository, version: digest ?? tag }
}

const triedInPlainHttp =
  /^(localhost|127\.0\.0\.1|\[::1\]|10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2})(:\d+)?$/

export type Registries = ReturnType<typeof openRegistries>

/** `auth`: the value of CNB_REGISTRY_AUTH. */
export function openRegistries(auth: string | undefined, insecure: readonly string[]) {
  const headers = JSON.parse(auth ?? '{}') as Record<string, string>
  const schemes = new Map<string, string>()

  async function call(host: string, path: string, init: RequestInit = {}): Promise<Response> {
    const known = schemes.get(host)
    const both = insecure.includes(host) || triedInPlainHttp.test(host) ? ['https', 'http'] : ['https']
    let last: unknown
    for (const scheme of known === undefined ? both : [known]) {
      try {
        const url = /^https?:/.test(path) ? path : `${scheme}://${host}${path}`
        const authorization = headers[host]
        const answer = await fetch(url, {
          ...init,
          headers: { ...(init.headers as Record<string, string>), ...(authorization ? { authorization } : {}) },
        })
        schemes.set(host, scheme)
        return answer
      } catch (error) {
        last = (error as Error).cause ?? error
      }
    }
    throw new Refused(`${init.method ?? 'GET'} "${host}": ${(last as Error).message}`)
  }

  async function manifest({ host, repository }: Name, version: string) {
    const accept = Object.values(types).join(', ')
    const answer = await call(host, `/v2/${repository}/manifests/${version}`, { headers: { accept } })
    if (answer.status === 404) return null
    if (!answer.ok) throw new Refused(`GET ${host}/${repository}: unexpected status code ${answer.status}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    return { bytes, digest: digestOf(bytes), type: answer.headers.get('content-type') ?? '' }
  }

  async function blob({ host, repository }: Name, digest: string): Promise<Buffer> {
    const answer = await call(host, `/v2/${repository}/blobs/${digest}`)
    if (!answer.ok) throw new Refused(`GET ${host}/${repository}@${digest}: unexpected status code ${answer.status}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    if (digestOf(bytes) !== digest) throw new Refused(`${host}/${repository}@${digest} has other content`)
    return bytes
  }

  async function begin({ host, repository }: Name, query = ''): Promise<Response> {
    const answer = await call(host, `/v2/${repository}/blobs/uploads/${query}`, { method: 'POST' })
    if (!answer.ok) throw new Refused(`POST ${host}/${repository}: unexpected status code ${answer.status}`)
    return answer
  }

  const has = async ({ host, repository }: Name, digest: string): Promise<boolean> =>
    (await call(host, `/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })).ok

  async function put(name: Name, bytes: Buffer): Promise<Descriptor> {
    const digest = digestOf(bytes)
    if (!(await has(name, digest))) {
      const location = (await begin(name)).headers.get('location') ?? ''
      const to = `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`
      const answer = await call(name.host, to, {
        method: 'PUT',
        body: new Uint8Array(bytes),
        headers: { 'content-type': 'application/octet-stream' },
      })
      if (!answer.ok) throw new Refused(`PUT ${name.host}/${name.repository}: unexpected status code ${answer.status}`)
    }
    return { mediaType: layerType, digest, size: bytes.length }
  }

  return {
    /** Null: there is no such image. */
    async find(text: string): Promise<RemoteImage | null> {
      const name = parseName(text)
      let found = await manifest(name, name.version)
      const digest = found?.digest ?? ''
      if (found && (found.type === types.index || found.type === types.list)) {
        const { manifests } = JSON.parse(found.bytes.toString()) as {
          manifests: { digest: string; platform: { os: string; architecture: string } }[]
        }
        const ours = process.arch === 'x64' ? 'amd64' : process.arch
        const variant = manifests.find(({ platform }) => platform.os === 'linux' && platform.architecture === ours)
        found = variant ? await manifest(name, variant.digest) : null
      }
      if (!found) return null
      const { config, layers } = JSON.parse(found.bytes.toString()) as { config: Descriptor; layers: Descriptor[] }
      const document = JSON.parse((await blob(name, config.digest)).toString()) as Config
      return { name, digest, layers, config: document }
    },
    /** Proves the right to write, by an upload that is given up. */
    async checkWrite(text: string): Promise<void> {
      const name = parseName(text)
      const answer = await begin(name)
      const location = answer.headers.get('location') ?? `/v2/${name.repository}/blobs/uploads/${randomUUID()}`
      await call(name.host, location, { method: 'DELETE' })
    },
    layer: async ({ name }: RemoteImage, { digest }: Descriptor): Promise<Buffer> =>
      gunzipSync(await blob(name, digest)),
    put: (text: string, bytes: Buffer) => put(parseName(text), bytes),
    /** A layer of another image, without reading it where the registry can mount it. */
    async copy({ name: from }: RemoteImage, layer: Descriptor, text: string): Promise<Descriptor> {
      const to = parseName(text)
      if (await has(to, layer.digest)) return layer
      if (from.host === to.host) {
        const answer = await begin(to, `?mount=${layer.digest}&from=${encodeURIComponent(from.repository)}`)
        if (answer.status === 201) return layer
      }
      await put(to, await blob(from, layer.digest))
      return layer
    },
    /** Returns the digest of the manifest, and its size. */
    async push(text: string, config: Config, layers: readonly Descriptor[]): Promise<{ digest: string; size: number }> {
      const name = parseName(text)
      const document = Buffer.from(JSON.stringify(config))
      const own = { ...(await put(name, document)), mediaType: configType }
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: types.oci, config: own, layers }))
      const answer = await call(name.host, `/v2/${name.repository}/manifests/${name.version}`, {
        method: 'PUT',
        body: new Uint8Array(bytes),
        headers: { 'content-type': types.oci },
      })
      if (!answer.ok) throw new Refused(`PUT ${text}: unexpected status code ${answer.status}`)
      return { digest: digestOf(bytes), size: bytes.length }
    },
  }
}
