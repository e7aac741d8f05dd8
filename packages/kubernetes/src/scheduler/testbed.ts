// What do tests of the Kubernetes scheduler need around it: a cluster, an image in its registry, and a router's requests?
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '@deis/types'
import { createKube, type Kube } from '../client/client.ts'
import { type Namespace, pathOf } from '../client/objects.ts'
import { loadTransport } from '../client/transport.ts'
import type { Artifact } from '@deis/ports/scheduler'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import type { KubernetesOptions } from './create.ts'

export type Testbed = {
  readonly kube: Kube
  /** Before the names of all apps, so that several suites can use one cluster. */
  readonly prefix: string
  readonly logged: string[]
  options(more?: Partial<KubernetesOptions>): KubernetesOptions
  /** `stack:1` has node and bash. */
  image(name: string): Promise<Artifact & { readonly kind: 'image' }>
  remove(): Promise<void>
}

const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
/** As long as the router tries again when the balancer behind a Service has not caught up. */
const refusedMs = 3_000
const graceMs = 3_000

/** Listens on PORT, or where the formation says; answers who it is, and `/crash` ends it. */
const server = `require('node:http').createServer((request, response) => {
  if (request.url === '/crash') process.exit(1);
  response.setHeader('x-answered-by', 'app');
  response.end(JSON.stringify({ pod: process.env.HOSTNAME, greeting: process.env.GREETING ?? null }))
}).listen(process.env.PORT ?? 5000);
process.on('SIGTERM', () => process.exit(0))`

export const serve = `exec node -e "${server.replaceAll('\n', ' ')}"`

/** The first process of a container must see to its own end. */
export const stay = "trap 'exit 0' TERM; sleep 600 & wait"

export async function openTestbed(name: string): Promise<Testbed> {
  const prefix = noteNamespaces(`${name}-${randomBytes(2).toString('hex')}-`)
  const folder = await mkdtemp(join(tmpdir(), 'deis-kubernetes-'))
  const { transport } = await loadTransport()
  const kube = createKube(transport)
  const logged: string[] = []
  return {
    kube,
    prefix,
    logged,
    options: (more) => ({
      kube,
      folder,
      drainSeconds: 2,
      quota: null,
      secretPrefix: 'private-registry',
      registryCredentials: {},
      routing: 'router',
      ingressClass: null,
      ingressIssuer: null,
      platformDomain: 'apps.test',
      network: { routers: null, sources: [], blocked: [] },
      podSecurity: 'restricted',
      platform: prefix,
      instance: 'one',
      alive: async () => true,
      debug: false,
      log: (level, message, fields) => void logged.push(`${level} ${message} ${messageOf(fields.err)}`),
      ...more,
    }),
    async image(reference) {
      const [repository, tag] = reference.split(':')
      const host = process.env.TEST_REGISTRY ?? ''
      const answer = await fetch(`http://${host}/v2/${repository}/manifests/${tag}`, {
        method: 'HEAD',
        headers: { accept },
      })
      return {
        kind: 'image',
        reference: `${host}/${repository}@${answer.headers.get('docker-content-digest')}`,
        launcher: 'none',
      }
    },
    async remove() {
      const path = pathOf('v1/Namespace')
      const { items } = await kube.list<Namespace>(path)
      const ours = items.flatMap((one) => (one.metadata?.name?.startsWith(prefix) ? [one.metadata.name] : []))
      await Promise.all(ours.map((one) => kube.remove(`${path}/${one}`)))
      await Promise.all(ours.map((one) => kube.remove(pathOf('v1/Pod', one), { graceSeconds: 1 })))
      await sleep(graceMs)
      // The node takes its time to report that they have ended.
      await Promise.all(ours.map((one) => kube.remove(pathOf('v1/Pod', one), { graceSeconds: 0 })))
      for (const one of ours) while (await kube.find(`${path}/${one}`)) await sleep(200)
      kube.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * One request on a connection of its own. A refused one was not sent, so it is tried again as a router does; so is one that
 * left the cluster, because the node did not know the address of a new Service yet.
 */
export async function get(address: string, path = '/'): Promise<string> {
  for (const deadline = Date.now() + refusedMs; ;) {
    const answer = await answerOf(address, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || Date.now() > deadline) throw error
      return null
    })
    if (answer !== null) return answer
    if (Date.now() > deadline) throw new Error(`${address} is answered by somebody else`)
    await sleep(50)
  }
}

/** Null when it was none of ours who answered. */
async function answerOf(address: string, path: string): Promise<string | null> {
  const sent = request(`http://${address}${path}`, { agent: false, timeout: 10_000 }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const body = await text(response)
  if (response.headers['x-answered-by'] !== 'app') return null
  if (response.statusCode !== 200) throw new Error(`${address} answered ${response.statusCode}: ${body}`)
  return body
}
